import { describe, expect, it } from 'vitest'
import type { CallOperator } from '../../../src/call/call-operator.js'
import { type CallState, encodeCall, type FinishedCall } from '../../../src/changelog/call-record.js'
import { callKey } from '../../../src/changelog/keys.js'
import { memoryStores } from '../../../src/store/memory/memory-stores.js'
import type { CallPipeline } from '../../../src/task/calls/call-pipeline.js'
import { CallRetention } from '../../../src/task/calls/call-retention.js'
import { CallStore } from '../../../src/task/calls/call-store.js'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import { EndOffset } from '../../../src/task/end-offset.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'
import { ManualClock } from '../../../src/testing.js'

const NAME = 'asked'
const done: FinishedCall = {
  state: 'done',
  fingerprint: 'f',
  offset: 1,
  attempts: 1,
  formerTokens: [],
  token: 't1',
  finishedAt: 1_000,
  decision: undefined,
}
const key = callKey(NAME, 'a')
const newWork = () => new UncommittedWork(() => new WriteBatch('$waiters', () => 0))

/** A store with one finished call, and a sweep that is due. */
async function sweep() {
  const store = await memoryStores().open({
    application: 'b',
    name: '$calls',
    partition: 0,
    token: 1,
    changelogId: 'c',
  })
  const topic = { topic: 'b-changelog', id: 'c', partitions: 1, cleanup: 'compact' as const, deleteRetentionMs: 1_000 }
  const calls = new TaskStore('$calls', store, { ...topic, maxMessageBytes: 1_000 }, () => {}, undefined)
  await calls.commit([{ key, value: encodeCall(done) }], 5)
  const forgotten: string[] = []
  const operator = {
    plan: { name: NAME, stream: NAME, retentionMs: 100 },
    isExpired: (call: CallState, now: number) => 'finishedAt' in call && call.finishedAt + 100 <= now,
    forget: (id: string) => forgotten.push(id),
  } as unknown as CallOperator
  const end = {
    reached: () => 2_000,
    request: () => {},
    isPending: false,
    requested: undefined,
  } as unknown as EndOffset
  const task = { operator, input: { next: 9 } } as unknown as CallPipeline
  const retention = new CallRetention(task, new CallStore(calls, 0), end, 1_000, () => 2_000)
  return { retention, forgotten }
}

describe('a sweep over finished calls', () => {
  it('forgets what was kept long enough', async () => {
    const { retention, forgotten } = await sweep()
    await retention.step(newWork())
    expect(forgotten).toEqual(['a'])
  })

  it('leaves alone what has come and was finished since, until that is stored: the changelog contains each end', async () => {
    const { retention, forgotten } = await sweep()
    const work = newWork()
    work.current.putCall(key, encodeCall({ ...done, offset: 7, finishedAt: 1_500 }))
    await retention.step(work)
    expect(forgotten).toEqual([])
  })

  it('leaves alone what has come anew since the store was written', async () => {
    const { retention, forgotten } = await sweep()
    const work = newWork()
    work.current.putCall(key, null) // an earlier sweep
    work.current.putCall(key, encodeCall({ ...done, offset: 7, finishedAt: 1_990 }))
    await retention.step(work)
    work.take()
    await retention.step(work)
    expect(forgotten).toEqual([])
  })
})

/** The calls of a pipeline, finished at these times, which are kept for 3,200 ms; the stream has been read to `next`. */
async function retaining(finishedAt: readonly number[], firstFinished: number | undefined) {
  const id = { application: 'b', name: '$calls', partition: 0, token: 1, changelogId: 'c' }
  const topic = { topic: 'b-changelog', id: 'c', partitions: 1, cleanup: 'compact' as const, deleteRetentionMs: 1_000 }
  const store = await memoryStores().open(id)
  const calls = new TaskStore('$calls', store, { ...topic, maxMessageBytes: 1_000 }, () => {})
  const entries = finishedAt.map((at, i) => ({
    key: callKey(NAME, String(i)),
    value: encodeCall({ ...done, finishedAt: at }),
  }))
  await calls.commit(entries, 5)
  const retentionMs = 3_200
  const forgotten: string[] = []
  const operator = {
    plan: { name: NAME, stream: NAME, retentionMs },
    isExpired: (call: CallState, now: number) => 'finishedAt' in call && call.finishedAt + retentionMs <= now,
    forget: (of: string) => forgotten.push(of),
  } as unknown as CallOperator
  const clock = new ManualClock(0)
  const input = { next: 9 }
  const requests: number[] = []
  const end = new EndOffset({
    source: {
      async endOffset() {
        requests.push(clock.now())
        return 10
      },
    },
    topicPartition: { topic: NAME, partition: 0 },
    monotonic: () => clock.monotonic(),
    wake: () => {},
  })
  const pipeline = { operator, input } as unknown as CallPipeline
  const retention = new CallRetention(pipeline, new CallStore(calls, 0), end, firstFinished, () => clock.now())
  const work = newWork()
  return { clock, retention, forgotten, requests, input, step: () => retention.step(work) }
}

describe('finished calls', () => {
  it('are looked for when the first of them was kept long enough, by its own time', async () => {
    const { clock, retention, requests, step } = await retaining([100, 50], 50)
    expect([await step(), retention.wait]).toEqual([false, 3_250])
    await clock.advance(3_249)
    expect([await step(), retention.wait, requests, retention.isIdle]).toEqual([false, 1, [], true])
    await clock.advance(1)
    expect([await step(), requests]).toEqual([false, [3_250]])
  })

  it('are looked for after a retention time if there is none yet', async () => {
    const { retention } = await retaining([], undefined)
    expect(retention.wait).toBe(3_200)
  })

  it('are deleted once the stream has been read to its end as of then: a duplicate may be in it', async () => {
    const { clock, retention, forgotten, input, step } = await retaining([100, 0], 0)
    await clock.advance(3_200)
    const requested = step()
    expect([retention.isIdle, retention.wait]).toEqual([false, undefined])
    await requested
    await clock.advance(100) // both are old enough by now, but not as of the request
    expect([await step(), forgotten]).toEqual([false, []])
    input.next = 10
    expect([await step(), forgotten]).toEqual([true, ['1']])
    expect(retention.isIdle).toBe(true)
    // the next one is due at 3,300, but sweeps have a distance
    expect(retention.wait).toBe(100)
  })

  it('are looked for again when the oldest that is left is due', async () => {
    const { clock, retention, input, step } = await retaining([0, 1_500, 700], 0)
    input.next = 10
    await clock.advance(3_200)
    await step()
    await clock.advance(0)
    await step()
    expect(retention.wait).toBe(700)
  })

  it('are looked for again after a retention time if none is left', async () => {
    const { clock, retention, input, forgotten, step } = await retaining([0], 0)
    input.next = 10
    await clock.advance(3_200)
    await step()
    await clock.advance(0)
    await step()
    expect([forgotten, retention.wait]).toEqual([['0'], 3_200])
  })

  it('are many: they are examined in parts, and no other sweep begins meanwhile', async () => {
    const { clock, retention, input, requests, forgotten, step } = await retaining(
      Array.from({ length: 1_200 }, () => 0),
      0,
    )
    input.next = 10
    await clock.advance(3_200)
    await step()
    await clock.advance(0)
    const left: number[] = []
    while (await step()) {
      left.push(forgotten.length)
      if (left.length === 1) expect([retention.isIdle, retention.wait]).toEqual([false, undefined])
    }
    expect(new Set(forgotten).size).toBe(1_200)
    expect(Math.max(...left.map((count, i) => count - (left[i - 1] ?? 0)))).toBeLessThan(1_200)
    expect([requests, retention.isIdle]).toEqual([[3_200], true])
  })
})
