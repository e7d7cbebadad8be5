import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts', 'src/store.ts', 'src/log.ts', 'src/operator.ts', 'src/testing.ts', 'src/openmetrics.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  treeshake: { tryCatchDeoptimization: false }, // takes failpoints out
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
