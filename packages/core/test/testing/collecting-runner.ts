import type { TestApi } from '../../src/testing.js'

/** A test that a suite has registered. */
export interface CollectedTest {
  readonly section: string
  readonly title: string
  readonly body: () => Promise<void>
}

/** @returns the tests that a suite registers, without running them */
export function collect(register: (api: TestApi) => void): CollectedTest[] {
  const tests: CollectedTest[] = []
  let section = ''
  register({
    describe(name, body) {
      section = name
      body()
    },
    it: (title, body) => tests.push({ section, title, body }),
  })
  return tests
}

/**
 * Runs tests one after the other.
 *
 * @returns the error messages of the tests that fail, by title
 */
export async function failuresOf(tests: readonly CollectedTest[]): Promise<ReadonlyMap<string, string>> {
  const failures = new Map<string, string>()
  for (const { title, body } of tests) {
    try {
      await body()
    } catch (error) {
      failures.set(title, String(error))
    }
  }
  return failures
}
