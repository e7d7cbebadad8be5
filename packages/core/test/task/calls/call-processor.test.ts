import { describe, expect, it } from 'vitest'
import { CallOperator } from '../../../src/call/call-operator.js'
import { type CallState, encodeCall } from '../../../src/changelog/call-record.js'
import { callKey } from '../../../src/changelog/keys.js'
import { encodeReport, type Report } from '../../../src/changelog/report-record.js'
import { type CallOnceOptions, json, memoryStores, notSent, stream, text, topic } from '../../../src/index.js'
import type { LogRecord } from '../../../src/log.js'
import type { CallPlan } from '../../../src/pipeline/call-plan.js'
import { planApplication } from '../../../src/pipeline/plan.js'
import { CallDispatcher } from '../../../src/task/calls/call-dispatcher.js'
import type { CallPipeline } from '../../../src/task/calls/call-pipeline.js'
import { CallProcessor } from '../../../src/task/calls/call-processor.js'
import { CallStore } from '../../../src/task/calls/call-store.js'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import type { InputPartition } from '../../../src/task/input-partition.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'
import { ManualClock } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const CHANGELOG = {
  topic: 'a-changelog',
  id: 'c',
  partitions: 1,
  cleanup: 'compact',
  deleteRetentionMs: 86_400_000,
} as const
const DAY_MS = 86_400_000

/** An input with records that the test puts there. */
class FakeInput {
  next = 0
  isPaused = false
  readonly topic: string
  readonly records: LogRecord[] = []

  constructor(topic: string) {
    this.topic = topic
  }

  get headTimestamp() {
    return this.records[0]?.timestamp
  }

  peek(limit: number) {
    return this.records.slice(0, limit)
  }

  advance(count: number) {
    this.records.splice(0, count)
    this.next += count
  }
}

/** A task that makes the calls of `asked`; each is under way until the test settles it. */
async function calling(options: Partial<CallOnceOptions<number>> = {}) {
  const clock = new ManualClock(0)
  const made: number[] = []
  const settles: ((error?: unknown) => void)[] = []
  const pipeline = stream(asked).callOnce(
    (value) => {
      made.push(value)
      return new Promise<void>((resolve, reject) => {
        settles.push((error) => (error === undefined ? resolve() : reject(error)))
      })
    },
    { inDoubt: { deadLetter: 'in-doubt' }, timeout: '10s', ...options },
  )
  const [plan] = planApplication('a', pipeline).calls as readonly [CallPlan]
  let tokens = 0
  const maxMessageBytes = 1_000_000
  const operator = new CallOperator(plan, {
    application: 'a',
    partition: 0,
    outputs: new Map([['in-doubt', { partitions: 1, maxMessageBytes }]]),
    changelog: { topic: CHANGELOG.topic, maxMessageBytes },
    claimant: { instance: 'i', host: 'h', pid: 1, startedAt: 0 },
    newToken: () => `token ${++tokens}`,
  })
  const dispatcher = new CallDispatcher(plan, clock)
  const [input, reports] = [new FakeInput('asked'), new FakeInput('reports')]
  const calls: CallPipeline = {
    operator,
    dispatcher,
    input: input as unknown as InputPartition,
    notSent: undefined,
    isFull: false,
  }
  const id = { application: 'a', name: '$calls', partition: 0, token: 1, changelogId: 'c' }
  const store = new TaskStore('$calls', await memoryStores().open(id), { ...CHANGELOG, maxMessageBytes }, () => {})
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => clock.now()))
  const counts = { callsNotSent: 0 }
  const endOffsets: string[] = []
  const state = {
    calls: [calls],
    store: new CallStore(store, 0),
    reports: reports as unknown as InputPartition,
    reportsEnd: 0,
    firstFinished: new Map<CallPipeline, number>(),
  }
  const processor = new CallProcessor(state, work, {
    source: {
      async endOffset({ topic }: { topic: string }) {
        endOffsets.push(topic)
        await clock.yieldToEventLoop()
        return topic === 'asked' ? input.next : reports.next
      },
    } as never,
    partition: 0,
    counts,
    clock,
    now: () => clock.now(),
    wake: () => {},
  })
  let offset = 0
  const records = (...values: readonly number[]): LogRecord[] =>
    values.map((value) => ({
      topic: 'asked',
      partition: 0,
      offset: offset++,
      key: Buffer.from(`k${value}`),
      value: Buffer.from(String(value)),
      timestamp: 0,
      headers: [],
    }))
  return {
    clock,
    processor,
    operator,
    dispatcher,
    calls,
    input,
    reports,
    state,
    work,
    counts,
    made,
    endOffsets,
    records,
    async intake(...values: readonly number[]) {
      const of = records(...values)
      input.records.push(...of)
      await processor.process(input as unknown as InputPartition, of)
    },
    /** The oldest call that is under way returns, or throws. */
    async settle(error?: unknown) {
      settles.shift()?.(error)
      await clock.yieldToEventLoop()
    },
    report(id: string, report: Omit<Report, 'by'>, pipeline = 'asked', by: Report['by'] = 'person') {
      const value = encodeReport({ ...report, by, type: 'report', pipeline, id })
      reports.records.push({ topic: 'reports', partition: 0, offset: 0, key: null, value, timestamp: 0, headers: [] })
    },
    async commit(mayCall = true) {
      const batch = work.take()
      batch.committed({ sentAt: clock.monotonic(), mayCall })
      const changes = batch.stores.get('$calls') ?? new Map()
      await store.commit([...changes.values()], 1)
      store.rows.committed(changes)
      work.stored()
      return batch
    },
  }
}

describe('a call', () => {
  it('is claimed, which is committed at once, and made after that', async () => {
    const { processor, operator, work, made, intake, commit } = await calling()
    await intake(1, 2)
    expect([work.current.isUrgent, operator.queue.claims.size]).toEqual([false, 0])
    expect(await processor.step(true)).toBe(true)
    expect([work.current.isEmpty, work.current.isUrgent, operator.queue.claims.size]).toEqual([false, true, 2])
    expect([made, processor.running]).toEqual([[], 0])
    expect(await processor.step(true)).toBe(false)
    await commit()
    expect([made, processor.running]).toEqual([[1, 2], 2])
  })

  it('is not made if the task may make no calls when its claim is committed', async () => {
    const { processor, operator, made, intake, commit } = await calling()
    await intake(1)
    await processor.step(true)
    await commit(false)
    expect([made, processor.hasReports]).toEqual([[], true])
    await processor.step(false)
    await commit()
    expect([operator.queue.ready, operator.totals.waiting]).toEqual([1, 1])
  })

  it('has its outcome processed though no new work may begin; the next one is not claimed then', async () => {
    const { processor, operator, work, made, intake, settle, commit } = await calling({ concurrency: 1 })
    await intake(1, 2)
    await processor.step(true)
    await commit()
    await settle()
    expect([processor.hasReports, processor.isIdle]).toEqual([true, false])
    expect(await processor.step(false)).toBe(true)
    expect([processor.hasReports, work.current.isEmpty, operator.totals.emitted]).toEqual([false, false, 1])
    await commit()
    expect(await processor.step(false)).toBe(false)
    expect([made, processor.isIdle, processor.running]).toEqual([[1], true, 0])
    await processor.step(true)
    await commit()
    expect(made).toEqual([1, 2])
  })

  it('is not claimed before the reports are read that were there when the task was opened', async () => {
    const { processor, state, reports, operator, intake, report } = await calling()
    Object.assign(state, { reportsEnd: 2 })
    await intake(1)
    expect(await processor.step(true)).toBe(false)
    report('unknown', { token: 't', outcome: 'done' })
    await processor.step(true)
    expect([reports.next, operator.queue.claims.size]).toEqual([1, 0])
    report('unknown', { token: 't', outcome: 'done' })
    await processor.step(true)
    expect([reports.next, operator.queue.claims.size]).toEqual([2, 1])
  })

  it('is not claimed while ten times as many functions run as calls may: they ignore their timeout', async () => {
    const { clock, processor, operator, made, intake, commit } = await calling({ concurrency: 2, timeout: '1s' })
    await intake(...Array.from({ length: 23 }, (_, i) => i))
    for (let round = 0; round < 12; round++) {
      await processor.step(true)
      await commit()
      await clock.advance(1_000)
      await processor.step(true)
      await commit()
    }
    expect([made.length, operator.queue.ready, await processor.step(true)]).toEqual([20, 3, false])
  })
})

describe('the stream of calls', () => {
  it('is paused while too many records wait for their calls, and continues once there is room', async () => {
    const { processor, calls, input, intake, commit } = await calling({ maxReady: 2, concurrency: 1 })
    await intake(1, 2, 3)
    expect([input.next, input.isPaused, calls.isFull]).toEqual([2, true, true])
    await processor.step(true) // a claim makes room
    expect([input.isPaused, calls.isFull]).toEqual([false, false])
    await commit()
    await processor.process(input as unknown as InputPartition, input.records)
    expect([input.next, input.isPaused, calls.isFull]).toEqual([3, false, false])
    await intake(4)
    expect([input.isPaused, calls.isFull]).toEqual([true, true])
    await processor.step(true) // nothing can be claimed
    expect([input.isPaused, calls.isFull]).toEqual([true, true])
  })

  it('may contain records that are no calls', async () => {
    const { processor, operator, input, intake } = await calling()
    await intake(1)
    const [record] = (await calling()).records(2)
    const of = [
      { ...record, value: null },
      { ...record, offset: 7 },
    ] as LogRecord[]
    await processor.process(input as unknown as InputPartition, of)
    expect(operator.totals).toMatchObject({ in: 3, waiting: 2, dropped: { 'null-value': 1 } })
  })

  it('has nothing to do with the records of another input', async () => {
    const { processor, operator, records } = await calling()
    await processor.process(new FakeInput('other') as unknown as InputPartition, records(1))
    expect(operator.totals.in).toBe(0)
  })
})

describe('a request that was not sent', () => {
  it('is counted and reported each time, until one is sent', async () => {
    const { clock, processor, calls, counts, work, intake, settle, commit } = await calling()
    await intake(1)
    for (const attempts of [1, 2]) {
      await processor.step(true)
      await commit()
      await settle(notSent(`refused ${attempts}`))
      const reason = `the request was not sent: refused ${attempts}`
      await processor.step(false)
      expect([calls.notSent, counts.callsNotSent]).toEqual([{ attempts, reason }, attempts])
      expect(work.current.outcomes).toContainEqual({
        type: 'call-not-sent',
        pipeline: 'asked',
        callId: expect.any(String),
        partition: 0,
        token: expect.any(String),
        reason,
      })
      await commit()
      await clock.advance(60_000)
    }
    await processor.step(true)
    await commit()
    await settle()
    await processor.step(false)
    expect([calls.notSent, counts.callsNotSent]).toEqual([undefined, 2])
  })

  it('is none if the claim was given up before the call was made', async () => {
    const { processor, calls, counts, intake, commit } = await calling()
    await intake(1)
    await processor.step(true)
    await commit(false)
    await processor.step(false)
    expect([calls.notSent, counts.callsNotSent]).toEqual([undefined, 0])
  })

  it('is retried after a while, at a time that the task knows', async () => {
    const { clock, processor, made, intake, settle, commit } = await calling()
    await intake(1)
    await processor.step(true)
    await commit()
    await settle(notSent('refused'))
    await processor.step(true)
    await commit()
    const until = processor.until as number
    expect(until).toBeGreaterThan(clock.monotonic())
    await clock.advance(until - clock.monotonic() - 1)
    expect(await processor.step(true)).toBe(false)
    await clock.advance(1)
    await processor.step(true)
    await commit()
    expect(made).toEqual([1, 1])
  })
})

describe('a claim of a former owner', () => {
  it('is in doubt after its timeout and a grace time, for which the task wakes', async () => {
    const { clock, processor, operator, calls, work, intake, commit } = await calling({ timeout: '1s' })
    await intake(1)
    await commit()
    const [queued] = operator.queue.claimable(0)
    const { id, call } = queued as NonNullable<typeof queued>
    const claimant = { instance: 'another', host: 'h', pid: 1, startedAt: 0 }
    const claimed: CallState = {
      ...call,
      state: 'claimed',
      attempts: 1,
      claim: { token: 'theirs', claimant, claimedAt: 0 },
    }
    operator.queue.leave(id, call)
    operator.restore(id, claimed, () => false)
    work.current.putCall(callKey('asked', id), encodeCall(claimed))
    await commit()
    expect([calls.dispatcher.orphanedSince('theirs'), processor.until]).toEqual([0, 6_000])
    await clock.advance(6_000)
    expect(await processor.step(true)).toBe(false)
    expect(processor.isIdle).toBe(false)
    await clock.yieldToEventLoop()
    expect([await processor.step(true), operator.queue.inDoubt]).toEqual([true, 1])
    await commit()
    expect([await processor.step(true), processor.isIdle]).toEqual([false, true])
  })
})

describe('a report', () => {
  it('of a person or a former owner is applied to the call of its pipeline that it names', async () => {
    const { clock, processor, operator, reports, work, intake, settle, commit, report } = await calling()
    await intake(1)
    await processor.step(true)
    const claimed = await commit()
    const [[token, id]] = [...operator.queue.claims] as [[string, string]]
    expect(claimed.isUrgent).toBe(true)
    await settle(new Error('the connection was reset'))
    await processor.step(true)
    await commit()
    expect(operator.queue.inDoubt).toBe(1)
    const decision = { decidedBy: 'ops', reason: 'it is in the log of the service', decidedAt: 0 }
    report(id, { token, outcome: 'done', decision }, 'another')
    reports.records.push({ ...(reports.records[0] as LogRecord), value: Buffer.from('not a report') })
    expect(await processor.step(true)).toBe(true)
    expect([operator.queue.inDoubt, reports.next, work.current.isEmpty]).toEqual([1, 2, false])
    report(id, { token, outcome: 'done', decision })
    await processor.step(false) // new work
    expect([operator.queue.inDoubt, reports.next]).toEqual([1, 2])
    await processor.step(true)
    expect([operator.queue.inDoubt, operator.totals.emitted, reports.next]).toEqual([0, 1, 3])
    await commit()
    expect(await processor.step(true)).toBe(false)
    expect(clock.now()).toBe(0)
  })
})

describe('finished calls', () => {
  it('are deleted after their retention, for which the task wakes, once the stream is read to its end', async () => {
    const { clock, processor, endOffsets, work, intake, settle, commit } = await calling({ retention: '1d' })
    await intake(1)
    await processor.step(true)
    await commit()
    await settle()
    await processor.step(true)
    await commit()
    expect(processor.until).toBe(DAY_MS)
    await clock.advance(DAY_MS)
    expect(await processor.step(true)).toBe(false)
    expect([processor.isIdle, processor.until, endOffsets]).toEqual([false, undefined, ['asked']])
    await clock.yieldToEventLoop()
    expect(await processor.step(true)).toBe(true)
    expect([...(work.current.stores.get('$calls')?.values() ?? [])].map(({ value }) => value)).toEqual([null])
    expect(processor.isIdle).toBe(true)
  })
})
