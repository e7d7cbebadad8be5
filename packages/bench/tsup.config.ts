import { defineConfig } from 'tsup'

export default defineConfig({
  entry: [
    'activation',
    'calls',
    'compare-stores',
    'latency',
    'measure-store',
    'partitions',
    'recovery',
    'restore',
    'restore-instance',
  ].map((name) => `src/${name}.ts`),
  format: 'esm',
  target: 'node20',
  clean: true,
})
