import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'crash/main': 'src/crash/main.ts',
    'frozen/main': 'src/frozen/main.ts',
    'soak/main': 'src/soak/main.ts',
    'versions/main': 'src/versions/main.ts',
    'simulator/main': 'src/simulator/main.ts',
    'simulator/mutants/main': 'src/simulator/mutants/main.ts',
  },
  format: 'esm',
  target: 'node20',
  clean: true,
  noExternal: ['@joinery/failpoint'],
  // each program finds its neighbours by its own place
  splitting: false,
})
