import { expect } from 'vitest'
import { describeTopics } from '../../src/app/input-topics.js'
import { memoryStores } from '../../src/index.js'
import type { Guarantee, Log, Membership } from '../../src/log.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { planApplication } from '../../src/pipeline/plan.js'
import type { StateStores } from '../../src/store.js'
import { CallDispatcher, type ClaimReport } from '../../src/task/calls/call-dispatcher.js'
import { CommitSchedule } from '../../src/task/commit/commit-schedule.js'
import { StoredBytes } from '../../src/task/stores/stored-bytes.js'
import { TableBounds } from '../../src/task/tables/table-bounds.js'
import { Task } from '../../src/task/task.js'
import { newTaskMemory } from '../../src/task/task-memory.js'
import type { ManualClock } from '../../src/testing.js'

/** Options of {@link runningTask}. */
export interface RunningTaskOptions {
  readonly pipeline: Pipeline | readonly Pipeline[]
  readonly log: Log<Guarantee>
  readonly clock: ManualClock
  readonly stores?: StateStores
  readonly verifyMembership?: Membership['verify']
}

/** Everything that a task has reported to its listener, in order. */
export type TaskEvent =
  | readonly ['restored', partition: number, rows: number, tookMs: number]
  | readonly ['running']
  | readonly ['reopening', partition: number, why: string]
  | readonly ['retrying', code: string, inMs: number]
  | readonly ['halted', message: string]

/** A task, with what it has reported. */
export interface RunningTask {
  readonly task: Task
  readonly events: readonly TaskEvent[]
  /** Outcomes of calls for the next owner, with their pipeline. */
  readonly reports: readonly (readonly [pipeline: string, report: ClaimReport])[]
  readonly callDispatchers: ReadonlyMap<string, CallDispatcher>
  isRunning(): Promise<void>
  /** Waits until this many records of the stream wait for their rows; the clock does not advance. */
  hasWaiting(count?: number): Promise<void>
  /** Waits until everything is processed and committed; the clock moves only if that is needed for the next commit. */
  settled(): Promise<void>
}

/** Task 0 of an application, which runs by itself: no group, and no other task. It commits every 100 ms. */
export async function runningTask({
  pipeline,
  log,
  clock,
  stores,
  verifyMembership,
}: RunningTaskOptions): Promise<RunningTask> {
  const plan = planApplication('a', pipeline)
  const topics = await describeTopics({ application: 'a', plan, log: log as Log<never> })
  const events: TaskEvent[] = []
  const reports: (readonly [pipeline: string, report: ClaimReport])[] = []
  const callDispatchers = new Map(plan.calls.map((call) => [call.name, new CallDispatcher(call, clock)]))
  const storedBytes = new StoredBytes()
  let tokens = 0
  const task = new Task({
    ...topics,
    application: 'a',
    partition: 0,
    plan,
    source: log.source,
    sink: log.sink,
    tasks: log.tasks as never,
    stores: stores ?? memoryStores(),
    storedBytes,
    bounds: new TableBounds(plan.tables, undefined, storedBytes),
    tableChanged: () => {},
    clock,
    cache: { max: 100 },
    counts: { cacheHits: 0, cacheMisses: 0, lostRows: 0, callsNotSent: 0, tablesRebuilt: 0 },
    rowsLost: () => {},
    rebuilding: () => {},
    ...newTaskMemory(),
    commitSchedule: new CommitSchedule(clock, { minMs: undefined, maxMs: 100 }, 1_000_000),
    commitBytes: 1_000_000,
    maxIdleMs: 0,
    claimant: { instance: 'i', host: 'h', pid: 1, startedAt: 0 },
    newToken: () => `token ${++tokens}`,
    callDispatchers,
    verifyMembership: verifyMembership ?? (async () => 'member'),
    report: async (...report) => void reports.push(report),
    listener: {
      outcomes: () => {},
      restored: (...of) => events.push(['restored', ...of]),
      running: () => events.push(['running']),
      recovered: () => {},
      reopening: (...of) => events.push(['reopening', ...of]),
      retrying: ({ code }, inMs) => events.push(['retrying', code, inMs]),
      halted: ({ message }) => events.push(['halted', message]),
    },
  })
  return {
    task,
    events,
    reports,
    callDispatchers,
    isRunning: () => expect.poll(() => task.phase).toBe('running'),
    hasWaiting: (count = 1) => expect.poll(() => task.state?.pipelines[0]?.operator.waiting).toBe(count),
    settled: async () => {
      for (let turn = 0; turn < 50 && !task.isIdle; turn++) await clock.yieldToEventLoop()
      for (let turn = 0; turn < 100 && !task.isIdle; turn++) await clock.advance(10)
      expect(task.isIdle).toBe(true)
    },
  }
}
