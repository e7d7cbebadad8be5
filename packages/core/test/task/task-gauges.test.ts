import { describe, expect, it } from 'vitest'
import type { UncommittedWork } from '../../src/task/commit/uncommitted-work.js'
import { oldestWaitMs, taskGauges } from '../../src/task/task-gauges.js'
import { taskProblems } from '../../src/task/task-problems.js'
import type { TaskState } from '../../src/task/task-state.js'

const pipeline = (name: string, waiting: number, waitingBytes: number, isFull: boolean, oldestArrival?: number) => ({
  operator: { plan: { name }, waiting, waitingBytes, oldestArrival, nextDeadline: (): number | undefined => undefined },
  tables: [] as object[],
  isFull,
})
/** A pipeline in which an event waits for a row of a table, the second that it joins. */
const waitingFor = (waiting: ReturnType<typeof pipeline>, joined: object, nextDeadline: number | undefined) => ({
  ...waiting,
  operator: { ...waiting.operator, nextDeadline: (index: number) => (index === 1 ? nextDeadline : undefined) },
  tables: [table('first'), joined],
})
const calls = (name: string, queue: object, running: number, isFull: boolean) => ({
  operator: { plan: { name }, queue },
  dispatcher: { running },
  isFull,
})
const table = (topic: string, more: object = {}) => ({
  plan: { topic },
  catchUp: { hasCaughtUp: true, end: {} },
  input: { next: 5 },
  skipped: 0,
  store: { rows: { cached: 0 } },
  ...more,
})
/** The end that was requested at 0 is offset 9. */
const waitsForEnd = {
  catchUp: { hasCaughtUp: true, end: { requested: { requestedAt: { time: 0, logTime: 0 }, end: 9 } } },
}
const queue = (more: object) => ({
  ready: 0,
  readyBytes: 0,
  claims: new Map(),
  inDoubt: 0,
  oldestArrival: undefined,
  ...more,
})
/** As much of a task's state as is looked at. */
const stateOf = (parts: object): TaskState =>
  ({
    inputs: [],
    tables: [],
    pipelines: [],
    callState: undefined,
    logTimeMs: () => 0,
    ...parts,
  }) as unknown as TaskState
const work = (bytes: number) => ({ bytes }) as UncommittedWork

describe('the gauges of a task', () => {
  it('add up its pipelines, inputs and tables', () => {
    const state = stateOf({
      pipelines: [pipeline('p', 1, 10, true), pipeline('q', 2, 20, false), pipeline('r', 4, 40, true)],
      inputs: [{ buffered: 3 }, { buffered: 4 }],
      tables: [
        table('t', { skipped: 1, store: { rows: { cached: 5 } } }),
        table('u', { skipped: 2, store: { rows: { cached: 6 } }, capacity: { full: undefined } }),
        table('v', { capacity: { full: {} } }),
      ],
    })
    expect(taskGauges(state, work(150))).toEqual({
      waitingRecords: 7,
      waitingBytes: 70,
      pausedStreams: 2,
      pausedTables: 1,
      bufferedRecords: 7,
      cachedRows: 11,
      uncommittedBytes: 150,
      skippedTableRecords: 3,
    })
    expect(taskGauges(state, work(100))).toMatchObject({ uncommittedBytes: 100 })
  })

  it('add up its calls, if it makes any', () => {
    const claims = (count: number) => new Map(Array.from({ length: count }, (_, i) => [String(i), {}]))
    const state = stateOf({
      callState: {
        calls: [
          calls('c', queue({ ready: 1, readyBytes: 10, claims: claims(2), inDoubt: 3 }), 4, true),
          calls('d', queue({ ready: 5, readyBytes: 60, claims: claims(7), inDoubt: 8 }), 9, false),
        ],
      },
    })
    expect(taskGauges(state, work(0))).toMatchObject({
      callsReady: 6,
      callsReadyBytes: 70,
      callsClaimed: 9,
      callsInDoubt: 11,
      callsRunning: 13,
      pausedCallStreams: 1,
    })
  })
})

describe('the longest wait', () => {
  const state = stateOf({
    pipelines: [pipeline('p', 1, 1, false, 1_000), pipeline('idle', 0, 0, false)],
    callState: { calls: [calls('c', queue({ oldestArrival: 300 }), 0, false)] },
    logTimeMs: () => 700,
  })

  it.each([
    ['p', 4_000, 3_000],
    ['p', 999, 0], // the clock was set back
    ['idle', 4_000, 0],
    ['c', 4_000, 400], // calls are counted by the log's clock
    ['unknown', 4_000, 0],
  ])('of %s at %i is %i', (name, now, expected) => {
    expect(oldestWaitMs(state, name, now)).toBe(expected)
  })
})

describe('the problems of a task', () => {
  it('are none where all is well', () => {
    const slow = table('u', waitsForEnd)
    const state = stateOf({
      tables: [table('t'), slow],
      pipelines: [waitingFor(pipeline('p', 3, 30, false), slow, 1_000)],
      callState: { calls: [calls('c', queue({ ready: 5 }), 1, false)] },
    })
    expect(taskProblems(2, state, 5_000)).toEqual([])
  })

  it('name a table that is full, and do not blame a transaction for what is not read meanwhile', () => {
    const full = { table: 't', task: 2, offset: 7, option: 'maxBytes', maxBytes: 100, bytes: 98 }
    const slow = table('u', waitsForEnd)
    const state = stateOf({
      tables: [table('t', { capacity: { isHeld: true, full } }), slow],
      pipelines: [waitingFor(pipeline('p', 3, 30, false), slow, 1_000)],
    })
    const [problem, ...others] = taskProblems(2, state, 60_000)
    expect(others).toEqual([])
    for (const part of [
      'table t[2] is paused',
      'has 98 bytes',
      'offset 7',
      'maxBytes (100)',
      'nothing is lost',
      'raise maxBytes',
    ])
      expect(problem).toContain(part)
    const shared = { ...full, option: 'maxTableBytes' }
    const [ofAll] = taskProblems(2, stateOf({ tables: [table('t', { capacity: { isHeld: true, full: shared } })] }), 0)
    expect(ofAll).toContain('all tables together have 98 bytes')
    // it waits for a commit, after which it may fit
    expect(taskProblems(2, stateOf({ tables: [table('t', { capacity: { isHeld: true } })] }), 0)).toEqual([])
  })

  it('name the task, and say what to do', () => {
    const slow = table('u', waitsForEnd)
    const state = stateOf({
      tables: [table('t', { catchUp: { hasCaughtUp: true, end: { problem: 't[2] cannot be asked' } } }), slow],
      pipelines: [waitingFor(pipeline('p', 3, 30, true), slow, 1_000)],
      callState: { calls: [calls('c', queue({ ready: 5, inDoubt: 1 }), 1, true)] },
    })
    expect(taskProblems(2, state, 5_001)).toEqual([
      't[2] cannot be asked',
      "waiting events cannot expire until u[2] has been read to offset 9, and it is at 5: is a producer's transaction open?",
      'pipeline p[2] is paused: its wait buffer is full (3 events, 30 bytes)',
      '1 call of pipeline c[2] is in doubt: resolve it with app.inDoubtCalls or the command joinery calls',
      'pipeline c[2] is paused: too many records wait for their calls (5)',
    ])
  })

  it('are not that events cannot expire if none waits for the table with a deadline', () => {
    const slow = table('u', waitsForEnd)
    const problemsOf = (deadline: number | undefined, joined: object = slow) =>
      taskProblems(
        2,
        stateOf({ tables: [slow], pipelines: [waitingFor(pipeline('p', 3, 30, false), joined, deadline)] }),
        60_000,
      )
    expect(problemsOf(undefined)).toEqual([])
    expect(problemsOf(1_000, table('another'))).toEqual([])
    expect(problemsOf(1_000)).toEqual([expect.stringContaining('waiting events cannot expire until u[2]')])
  })

  it.each([
    [
      'before the table has caught up',
      { hasCaughtUp: false, end: { requested: { requestedAt: { time: 0 }, end: 9 } } },
    ],
    [
      'before its end is known',
      { hasCaughtUp: true, end: { requested: { requestedAt: { time: 0 }, end: undefined } } },
    ],
  ])('are not that an end is not reached %s', (_, catchUp) => {
    const slow = table('t', { catchUp })
    const pipelines = [waitingFor(pipeline('p', 3, 30, false), slow, 1_000)]
    expect(taskProblems(2, stateOf({ tables: [slow], pipelines }), 60_000)).toEqual([])
  })

  it('count what there are more of than one, and say why requests are not sent', () => {
    const notSent = { attempts: 1, reason: 'connection refused' }
    const state = stateOf({
      pipelines: [pipeline('p', 1, 30, true)],
      callState: {
        calls: [
          { ...calls('c', queue({ ready: 1, inDoubt: 2 }), 1, true), notSent },
          { ...calls('d', queue({ ready: 1 }), 1, false), notSent: { ...notSent, attempts: 3 } },
        ],
      },
    })
    expect(taskProblems(2, state, 5_001)).toEqual([
      'pipeline p[2] is paused: its wait buffer is full (1 event, 30 bytes)',
      '2 calls of pipeline c[2] are in doubt: resolve them with app.inDoubtCalls or the command joinery calls',
      'pipeline c[2] cannot send its requests (1 attempt, retried): connection refused',
      'pipeline c[2] is paused: too many records wait for their calls (1)',
      'pipeline d[2] cannot send its requests (3 attempts, retried): connection refused',
    ])
  })
})
