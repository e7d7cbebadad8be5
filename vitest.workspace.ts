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
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['**/*.{property,types,docs}.test.ts', '**/node_modules/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'property',
          include: ['packages/*/test/**/*.property.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'types', include: ['packages/*/test/**/*.types.test.ts'], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: { name: 'docs', include: ['packages/*/test/**/*.docs.test.ts'], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['packages/*/test/**/*.itest.ts', 'examples/*/test/**/*.itest.ts'],
          exclude: ['packages/redis/**', '**/node_modules/**'],
          globalSetup: 'packages/testbed/src/vitest-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: ['packages/redis/test/**/*.itest.ts'],
          globalSetup: 'packages/testbed/src/redis-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
