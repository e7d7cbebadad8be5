import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts', 'src/store.ts', 'src/log.ts', 'src/operator.ts', 'src/testing.ts', 'src/openmetrics.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  esbuildOptions(options) {
    // takes failpoints out: calls of them have no effect, and statements without effect go
    options.pure = ['failpoint']
    options.minifySyntax = true
  },
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
})
