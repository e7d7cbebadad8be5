import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/activation.ts', 'src/row-memory.ts', 'src/calls.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
})
