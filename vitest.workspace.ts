import { availableParallelism } from 'node:os'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Modules have no state of their own, so test files of one process can share them: most of the time went into loading them.
const isolate = false
// For what hangs, not for what takes its time on a busy machine.
const testTimeout = 60_000

const conditions = ['joinery:source', 'node', 'import', 'module', 'default']

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // a condition is waited for as long as a hang is
    expect: { poll: { timeout: 20_000 } },
    // one more than there are cores: tests on servers mostly wait
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['**/*.{property,types,docs}.test.ts', '**/node_modules/**'],
          isolate,
          testTimeout,
        },
      },
      {
        extends: true,
        test: {
          name: 'property',
          include: ['packages/*/test/**/*.property.test.ts'],
          isolate,
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

export default config
