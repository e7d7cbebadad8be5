import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { systemClock } from '../clock.js'
import { durationMs, sizeBytes } from '../duration.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import { memoryStores } from '../store/memory/memory-stores.js'
import { cacheLimit } from '../store/row-cache.js'
import { CommitSchedule } from '../task/commit/commit-schedule.js'
import { newCounts } from '../task/counters.js'
import { StoredBytes } from '../task/stores/stored-bytes.js'
import { TableBounds } from '../task/tables/table-bounds.js'
import { commitInterval } from './commit-interval.js'
import type { RunOptions } from './run-options.js'
import type { TaskManagerOptions } from './task-manager.js'

const COMMIT_BYTES = 4 * 2 ** 20
const RANDOM_ID_BYTES = 16
/** The session timeout of a group that has none. */
const SESSION_TIMEOUT_MS = 10_000

/** What an instance's tasks need, apart from the application's callbacks. */
export type AppSettings = Omit<TaskManagerOptions, 'joinKeys' | 'emit' | 'failed' | 'changed' | 'checked'>

/**
 * Resolves the options of an application.
 *
 * @throws JoineryError `OPTION_INVALID`
 */
export function appSettings(plan: ApplicationPlan, options: Omit<RunOptions<never>, 'guarantee'>): AppSettings {
  const { application, log, clock = systemClock, maxIdle = '0ms', stalledAfter = '10s' } = options
  const random = options.randomBytes ?? randomBytes
  const randomId = () => Buffer.from(random(RANDOM_ID_BYTES)).toString('hex')
  const interval = commitInterval(options.commitEvery)
  const { maxTableBytes } = options
  const maxBytes = maxTableBytes === undefined ? undefined : sizeBytes(maxTableBytes, 'maxTableBytes')
  const storedBytes = new StoredBytes()
  const maxIdleMs = maxIdle === 'never' ? -1 : durationMs(maxIdle, 'maxIdle')
  return {
    application,
    plan,
    log,
    stores: options.stores ?? memoryStores(),
    cache: cacheLimit(options.cache ?? { bytes: '16MiB' }),
    counts: newCounts(),
    storedBytes,
    bounds: new TableBounds(plan.tables, maxBytes, storedBytes),
    clock,
    commitSchedule: new CommitSchedule(clock, interval, COMMIT_BYTES),
    commitBytes: COMMIT_BYTES,
    maxIdleMs,
    sessionTimeoutMs: log.group.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
    // a task waits as long as it is configured to: that is not a stall
    stalledAfterMs: durationMs(stalledAfter, 'stalledAfter') + interval.maxMs + Math.max(0, maxIdleMs),
    claimant: {
      instance: randomId(),
      host: options.claimant?.host ?? hostname(),
      pid: options.claimant?.pid ?? process.pid,
      startedAt: clock.now(),
    },
    newToken: randomId,
  }
}
