import { systemClock } from '../clock.js'
import { type Duration, durationMs } from '../duration.js'
import type { Awaitable } from '../store/contract.js'
import { logGroupSuite } from './log-group-suite.js'
import { logReadingSuite } from './log-reading-suite.js'
import { logTasksSuite } from './log-tasks-suite.js'
import { type LogFixture, type LogTest, LogTrial } from './log-trial.js'
import type { TestApi } from './test-api.js'

/** Options of {@link logSuite}. */
export interface LogSuiteOptions {
  /**
   * How long a test waits for one thing, before it fails and says what did not come. Less than the runner's own time-out.
   * @defaultValue `'30s'`
   */
  readonly patience?: Duration
}

/**
 * What every log has to do, as tests for any runner. Give it the runner's `describe` and `it`, and a function that
 * makes a fixture for each test.
 *
 * @example
 * ```ts compile-only: the log is the reader's
 * import { describe, it } from 'node:test'
 * import type { Log } from '@joinery/core'
 *
 * declare function myLog(): Log<'exactly-once'>
 * declare function createTopic(name: string, partitions: number, compact: boolean): Promise<string>
 *
 * let names = 0
 * logSuite({ describe, it }, 'myLog', () => ({
 *   log: myLog(),
 *   createTopic: async ({ partitions, compact }) => createTopic(`topic-${++names}`, partitions, compact),
 *   application: () => `application-${++names}`,
 * }))
 * ```
 */
export function logSuite(
  { describe, it }: TestApi,
  name: string,
  fresh: () => Awaitable<LogFixture>,
  { patience = '30s' }: LogSuiteOptions = {},
): void {
  const patienceMs = durationMs(patience, 'patience')
  const test: LogTest = (title, body) =>
    it(title, async () => {
      const fixture = await fresh()
      try {
        await body(new LogTrial(fixture, systemClock, patienceMs))
      } finally {
        await fixture.log[Symbol.asyncDispose]()
      }
    })

  describe(`${name}: reading and appending`, () => logReadingSuite(test))
  describe(`${name}: tasks`, () => logTasksSuite(test))
  describe(`${name}: groups`, () => logGroupSuite(test))
}
