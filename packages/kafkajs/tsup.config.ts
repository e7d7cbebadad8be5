import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20',
  clean: true,
  esbuildOptions(options) {
    // takes failpoints out: calls of them have no effect, and statements without effect go
    options.pure = ['failpoint']
    options.minifySyntax = true
  },
  dts: { entry: 'src/index.ts', compilerOptions: { ignoreDeprecations: '6.0' } },
})
