import { defineConfig } from 'vitest/config'

const conditions = ['joinery:source', 'node', 'import', 'module', 'default']
const tests: Readonly<Record<string, readonly string[]>> = {
  join: ['packages/core/test/{join,runtime,log}/**/*.test.ts', 'packages/core/test/testing/oracle.property.test.ts'],
  runtime: ['packages/core/test/{runtime,log,call}/**/*.test.ts', 'packages/core/test/testing/*.test.ts'],
  writer: ['packages/kafkajs/test/writer/**/*.test.ts'],
}

/** The tests that a mutation run plays: those that state what the folder does. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: [...(tests[process.env.MUTATE ?? 'join'] ?? [])], testTimeout: 120_000 },
})
