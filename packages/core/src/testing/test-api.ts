/** What a contract suite needs of a test runner: vitest, node:test, jest and mocha all have it. */
export interface TestApi {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>) => unknown
}
