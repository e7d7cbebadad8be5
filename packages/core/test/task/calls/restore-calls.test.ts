import { describe, expect, it } from 'vitest'
import { type CallState, encodeCall } from '../../../src/changelog/call-record.js'
import { callKey, waiterKey } from '../../../src/changelog/keys.js'
import { json, memoryLog, memoryStores, stream, text, topic } from '../../../src/index.js'
import { newTotals } from '../../../src/outcome/totals.js'
import { planApplication } from '../../../src/pipeline/plan.js'
import { CallDispatcher } from '../../../src/task/calls/call-dispatcher.js'
import { restoreTaskCalls } from '../../../src/task/calls/restore-calls.js'
import type { Position } from '../../../src/task/pipeline-fingerprint.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'
import { ManualClock } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const told = topic('told', { key: text(), value: json<number>() })
const REPORTS = 'a.calls.reports'

const common = { fingerprint: 'f', offset: 1, attempts: 1, formerTokens: [] }
const record = {
  topic: 'asked',
  partition: 0,
  offset: 1,
  key: Buffer.from('k'),
  value: Buffer.from('1'),
  timestamp: 0,
  headers: [],
}
const open = { ...common, record, arrival: 0 }
const claimant = { instance: 'i', host: 'h', pid: 1, startedAt: 0 }
const ready: CallState = { ...open, state: 'ready' }
const claimed = (token: string): CallState => ({ ...open, state: 'claimed', claim: { token, claimant, claimedAt: 0 } })
const done = (finishedAt: number): CallState => ({
  ...common,
  state: 'done',
  token: 't',
  finishedAt,
  decision: undefined,
})

/** A task that makes the calls of `asked` and of `told`, with these stored calls. */
async function restoring(
  stored: readonly (readonly [pipeline: string, id: string, call: CallState])[],
  position?: Position,
) {
  const clock = new ManualClock(0)
  const log = memoryLog({ clock, topics: { [REPORTS]: { partitions: 1 } } })
  const options = { inDoubt: { deadLetter: 'in-doubt' } }
  const call = () => new Promise<void>(() => {})
  const plan = planApplication('a', [stream(asked).callOnce(call, options), stream(told).callOnce(call, options)])
  const prepared = { application: 'a', partitions: 1, maxMessageBytes: 1_000_000 }
  const changelog = await log.tasks.prepare(prepared)
  const [reports, input] = await log.source.describe([REPORTS, 'asked'])
  if (reports === undefined || input === undefined) throw new Error('no topics')
  const id = { application: 'a', name: '$calls', partition: 0, token: 1, changelogId: changelog.id }
  const store = new TaskStore('$calls', await memoryStores().open(id), changelog, () => {})
  const entries = stored.map(([pipeline, id, call]) => ({ key: callKey(pipeline, id), value: encodeCall(call) }))
  const foreign = { key: waiterKey('asked', 1), value: Buffer.from('not a call') }
  await store.commit([foreign, ...entries], 1)
  const callDispatchers = new Map(plan.calls.map((of) => [of.name, new CallDispatcher(of, clock)]))
  const restore = async () =>
    restoreTaskCalls({
      setup: {
        application: 'a',
        partition: 0,
        source: log.source,
        sink: log.sink,
        outputs: new Map(),
        changelog,
        claimant,
        newToken: () => 'new',
        callDispatchers,
        plan,
      },
      session: await log.tasks.open({ application: 'a', task: 0 }),
      store,
      reports,
      position,
      rank: 5,
      wake: () => {},
      signal: new AbortController().signal,
    })
  return { clock, log, restore, store, dispatcher: (name: string) => callDispatchers.get(name) as CallDispatcher }
}

describe('the calls of a task', () => {
  it('are those that are open in its store, each with its pipeline', async () => {
    const { restore } = await restoring([
      ['asked', '1', ready],
      ['told', '2', ready],
      ['told', '3', ready],
      ['former', '4', ready],
    ])
    const { calls } = await restore()
    expect(calls.map(({ operator }) => [operator.plan.name, operator.queue.ready])).toEqual([
      ['asked', 1],
      ['told', 2],
    ])
    expect(calls.map(({ isFull, notSent }) => [isFull, notSent])).toEqual([
      [false, undefined],
      [false, undefined],
    ])
  })

  it('that cannot be read are the fault of the store, when they are restored and later', async () => {
    for (const value of ['not a call', '', '\x01\xff\xff\xff\xff']) {
      const { restore, store } = await restoring([['asked', '1', ready]])
      const { calls, store: restored } = await restore()
      await store.commit([{ key: callKey('asked', '1'), value: Buffer.from(value, 'latin1') }], 2)
      const corrupt = expect.objectContaining({
        code: 'STORE_CORRUPT',
        retriable: false,
        message: expect.stringContaining('store $calls[0] returned an entry that cannot be read'),
      })
      const { operator } = calls[0] as (typeof calls)[0]
      await expect(restored.find(operator, ['1'], [])).rejects.toEqual(corrupt)
      await expect(restored.all([operator]).next()).rejects.toEqual(corrupt)
      await expect(restore()).rejects.toEqual(corrupt)
    }
  })

  it('count from their committed totals, which stay as they were committed', async () => {
    const totals = { asked: { ...newTotals(), in: 3, dropped: { duplicate: 1 } } }
    const { restore } = await restoring([], { writtenAt: 0, inputs: {}, totals })
    const { calls } = await restore()
    expect(calls.map(({ operator }) => operator.totals)).toEqual([totals.asked, newTotals()])
    Object.assign(calls[0]?.operator.totals.dropped ?? {}, { duplicate: 2 })
    expect(totals.asked.dropped.duplicate).toBe(1)
  })

  it('are orphaned if another process has claimed them, from when this one first saw them', async () => {
    const { clock, restore, dispatcher } = await restoring([
      ['asked', '1', claimed('mine')],
      ['asked', '2', claimed('of another')],
      ['told', '3', claimed('also of another')],
    ])
    const info = { key: null, timestamp: 0, headers: [], origin: { topic: 'asked', partition: 0, offset: 1 } }
    dispatcher('asked').track([{ id: '1', token: 'mine', attempt: 1, claimedAt: 0, value: 1, info }])
    await clock.advance(7)
    const { calls } = await restore()
    expect(calls.map(({ operator }) => [...operator.orphanedClaims])).toEqual([
      [['of another', '2']],
      [['also of another', '3']],
    ])
    expect(dispatcher('asked').running).toBe(1) // its commit was unclear, and turned out to have succeeded
    await clock.advance(1)
    expect([
      dispatcher('asked').orphanedSince('of another'),
      dispatcher('told').orphanedSince('also of another'),
    ]).toEqual([7, 7])
  })

  it('that are finished are kept for their retention: the first of them counts', async () => {
    const { restore } = await restoring([
      ['asked', '1', done(500)],
      ['asked', '2', done(300)],
      ['asked', '3', done(400)],
      ['told', '4', ready],
    ])
    const { calls, firstFinished } = await restore()
    expect([...firstFinished].map(([of, at]) => [of.operator.plan.name, at])).toEqual([['asked', 300]])
    expect(calls[0]?.operator.queue.ready).toBe(0)
  })
})

describe('the inputs of calls', () => {
  it('are read from their positions; reports come last, and take no part in the order of inputs', async () => {
    const position = { writtenAt: 0, inputs: { asked: { next: 4 }, [REPORTS]: { next: 1 } }, totals: {} }
    const { log, restore } = await restoring([], position)
    await log.sink.append([{ topic: REPORTS, partition: 0, key: null, value: null, timestamp: 0, headers: [] }])
    const { calls, reports, reportsEnd } = await restore()
    expect(calls.map(({ input }) => [input.topic, input.next, input.rank, input.isPaused])).toEqual([
      ['asked', 4, 5, false],
      ['told', 0, 6, false],
    ])
    expect([reports.topic, reports.next, reports.rank, reports.isPaused]).toEqual([REPORTS, 1, 7, true])
    expect(reportsEnd).toBe(1)
  })
})
