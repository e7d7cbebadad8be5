import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'crash/main': 'src/crash/main.ts',
    'soak/main': 'src/soak/main.ts',
    'simulator/main': 'src/simulator/main.ts',
    'simulator/canaries/main-canaries': 'src/simulator/canaries/main-canaries.ts',
  },
  format: 'esm',
  target: 'node20',
  clean: true,
  noExternal: ['@joinery/failpoint'],
  // each program finds its neighbours from where it lies
  splitting: false,
})
