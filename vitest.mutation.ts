import { join, relative } from 'node:path'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const packages = join(import.meta.dirname, 'packages')
// what tests of other packages import, too, is the code that is changed
const alias = [
  { find: /^@joinery\/core$/, replacement: join(packages, 'core/src/index.ts') },
  { find: /^@joinery\/core\/(.*)$/, replacement: join(packages, 'core/src/$1.ts') },
]
const histories = 'packages/testbed/test/simulator/histories.test.ts'
const conditions = ['joinery:source', 'node', 'import', 'module', 'default']
/** The tests of what tasks do: the folders of the core that a task uses, and whole histories. */
const task = [
  // without the model of all interleavings of calls, which alone takes longer than all others
  'packages/core/test/{task,app,outcome,log,call,changelog,embedded}/**/!(call-model)*.test.ts',
  // without what contract suites refuse, which says nothing of tasks
  'packages/core/test/testing/**/!(wrong-|suites)*.test.ts',
  histories,
]
const tests: Readonly<Record<string, readonly string[]>> = {
  join: [
    'packages/core/test/{join,task,log,outcome}/**/*.test.ts',
    'packages/core/test/testing/oracle.property.test.ts',
  ],
  outcome: task,
  task,
  writer: ['packages/kafkajs/test/writer/**/*.test.ts', histories],
}

/** Most mutants fail many tests: those that take least time are played first. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const took = ({ project, moduleId }: TestSpecification): number => {
      const key = `${project.name}:${relative(project.config.root, moduleId)}`
      return this.ctx.cache.getFileTestResults(key)?.duration ?? 0
    }
    return [...files].sort((a, b) => took(a) - took(b))
  }
}

/** The tests that a mutation run plays: those that state what the folder does. */
const config: ViteUserConfig = defineConfig({
  resolve: { conditions, alias },
  ssr: { resolve: { conditions } },
  test: {
    include: [...(tests[process.env.MUTATE ?? 'join'] ?? [])],
    // modules are loaded once for a mutant, not once for each test file
    isolate: false,
    sequence: { sequencer: QuickestFirst },
    testTimeout: 4_000,
    hookTimeout: 3_000,
    teardownTimeout: 1_000,
  },
})

export default config
