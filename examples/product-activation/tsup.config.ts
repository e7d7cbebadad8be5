import { defineConfig } from 'tsup'

export default defineConfig({
  // all in one folder: the demo starts `service-child` from where it is itself
  entry: {
    'service-a': 'src/service-a/main.ts',
    'service-b': 'src/service-b/main.ts',
    'create-topics': 'src/create-topics.ts',
    demo: 'src/demo/main.ts',
    'service-child': 'src/demo/services/service-child.ts',
  },
  format: 'esm',
  target: 'node20',
  clean: true,
})
