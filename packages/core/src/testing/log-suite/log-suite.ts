import { systemClock } from '../../clock.js'
import { type Duration, durationMs } from '../../duration.js'
import type { Guarantee } from '../../log/contract.js'
import type { Awaitable } from '../../store/contract.js'
import { checkOptionNames } from '../../unknown-options.js'
import type { TestApi } from '../test-api.js'
import type { LogFixture } from './log-fixture.js'
import { logGroupSuite } from './log-group-suite.js'
import { logOffsetsSuite } from './log-offsets-suite.js'
import { logReadingSuite } from './log-reading-suite.js'
import { logTasksSuite } from './log-tasks-suite.js'
import { type LogTest, LogTrial } from './log-trial.js'

/** Options of {@link logSuite}: which optional features the log has, and how long its operations may take. */
export interface LogSuiteOptions {
  /**
   * The guarantees that the log offers.
   * @defaultValue both
   */
  readonly guarantees?: readonly Guarantee[]
  /**
   * Whether a group can have several members. Set it to `false` for groups of `singleMember`.
   * @defaultValue `true`
   */
  readonly shared?: boolean
  /**
   * How long a test waits for one operation before it fails with a description of it. Use less than the timeout of the
   * test runner.
   * @defaultValue `'30s'`
   */
  readonly timeout?: Duration
}

const LOG_SUITE_OPTIONS: Readonly<Record<keyof LogSuiteOptions, true>> = {
  guarantees: true,
  shared: true,
  timeout: true,
}

/**
 * Registers tests of the log contract with any test runner: everything that a log has to do.
 *
 * @param api the functions `describe` and `it` of the test runner
 * @param name the name of the log, for the titles of the tests
 * @param createFixture creates the fixture of one test
 *
 * @example
 * ```ts compile-only: the log is your own
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
  api: TestApi,
  name: string,
  createFixture: () => Awaitable<LogFixture>,
  options: LogSuiteOptions = {},
): void {
  checkOptionNames('logSuite', options, LOG_SUITE_OPTIONS)
  const { guarantees = ['exactly-once', 'at-least-once'], shared = true, timeout = '30s' } = options
  const timeoutMs = durationMs(timeout, 'timeout')
  const test: LogTest = (title, body) =>
    api.it(title, async () => {
      const fixture = await createFixture()
      try {
        await body(new LogTrial(fixture, systemClock, timeoutMs))
      } finally {
        await fixture.log[Symbol.asyncDispose]()
      }
    })

  api.describe(`${name}: reading and appending`, () => logReadingSuite(test))
  if (guarantees.includes('exactly-once')) api.describe(`${name}: tasks`, () => logTasksSuite(test))
  if (guarantees.includes('at-least-once'))
    api.describe(`${name}: tasks that commit at least once`, () => logOffsetsSuite(test))
  api.describe(`${name}: groups`, () => logGroupSuite(test, shared))
}
