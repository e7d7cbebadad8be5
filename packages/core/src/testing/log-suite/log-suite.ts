import { systemClock } from '../../clock.js'
import { type Duration, durationMs } from '../../duration.js'
import type { Guarantee } from '../../log/contract.js'
import type { Awaitable } from '../../store/contract.js'
import type { TestApi } from '../test-api.js'
import { logGroupSuite } from './log-group-suite.js'
import { logOffsetsSuite } from './log-offsets-suite.js'
import { logReadingSuite } from './log-reading-suite.js'
import { logTasksSuite } from './log-tasks-suite.js'
import { type LogFixture, type LogTest, LogTrial } from './log-trial.js'

/** What a log cannot do, so that the suite does not ask for it, and how long it may take. */
export interface LogSuiteOptions {
  /**
   * What the log's tasks promise.
   * @defaultValue both
   */
  readonly guarantees?: readonly Guarantee[]
  /**
   * `false` for a log whose groups have one member, as `singleMember` makes them.
   * @defaultValue `true`
   */
  readonly shared?: boolean
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
 * }), { guarantees: ['exactly-once'] })
 * ```
 */
export function logSuite(
  { describe, it }: TestApi,
  name: string,
  fresh: () => Awaitable<LogFixture>,
  { guarantees = ['exactly-once', 'at-least-once'], shared = true, patience = '30s' }: LogSuiteOptions = {},
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
  if (guarantees.includes('exactly-once')) describe(`${name}: tasks`, () => logTasksSuite(test))
  if (guarantees.includes('at-least-once'))
    describe(`${name}: tasks that commit at least once`, () => logOffsetsSuite(test))
  describe(`${name}: groups`, () => logGroupSuite(test, shared))
}
