import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/main.ts', 'src/service-main.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
})
