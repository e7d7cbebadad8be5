/** What a contract suite needs of a test runner: vitest, node:test, jest and mocha all have it. */
export interface TestApi {
  /** Groups tests. */
  readonly describe: (name: string, body: () => void) => unknown
  /** Registers a test. */
  readonly it: (name: string, body: () => Promise<void>) => unknown
}
