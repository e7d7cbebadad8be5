import { defineConfig } from 'vitest/config'

const conditions = ['joinery:source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['packages/*/test/**/*.itest.ts'],
          globalSetup: 'packages/testbed/src/vitest-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'unit', include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'] },
      },
    ],
  },
})
