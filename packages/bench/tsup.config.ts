import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['activation', 'calls', 'compare-stores', 'recovery', 'restore', 'restore-instance', 'measure-store'].map(
    (name) => `src/${name}.ts`,
  ),
  format: 'esm',
  target: 'node20',
  clean: true,
})
