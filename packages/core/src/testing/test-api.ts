/** The functions of a test runner that a contract suite uses. Vitest, node:test, Jest and Mocha provide them. */
export interface TestApi {
  /**
   * Groups tests under a name.
   *
   * @returns anything: the suites ignore it
   */
  readonly describe: (name: string, body: () => void) => unknown
  /**
   * Registers a test.
   *
   * @returns anything: the suites ignore it
   */
  readonly it: (name: string, body: () => Promise<void>) => unknown
}
