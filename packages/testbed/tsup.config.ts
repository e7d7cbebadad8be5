import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'simulator/main': 'src/simulator/main.ts',
    'simulator/canaries': 'src/simulator/main-canaries.ts',
  },
  format: 'esm',
  target: 'node20',
  clean: true,
  // each program finds its neighbours from where it lies
  splitting: false,
})
