import { describe, expect, it } from 'vitest'
import type { CallOperator } from '../../../src/call/call-operator.js'
import { type CallState, encodeCall } from '../../../src/changelog/call-record.js'
import { callKey } from '../../../src/changelog/keys.js'
import { memoryStores } from '../../../src/store/memory/memory-stores.js'
import type { CallPipeline } from '../../../src/task/calls/call-pipeline.js'
import { CallRetention } from '../../../src/task/calls/call-retention.js'
import { CallStore } from '../../../src/task/calls/call-store.js'
import type { EndOffset } from '../../../src/task/end-offset.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'
import { UncommittedWork } from '../../../src/task/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/write-batch.js'

const NAME = 'asked'
const done: CallState = {
  state: 'done',
  fingerprint: 'f',
  offset: 1,
  attempts: 1,
  formerTokens: [],
  token: 't1',
  finishedAt: 1_000,
  decided: undefined,
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
  const calls = new TaskStore('$calls', 0, store, { ...topic, maxMessageBytes: 1_000 }, () => {}, undefined)
  await calls.commit([{ key, value: encodeCall(done) }], 5)
  const forgotten: string[] = []
  const operator = {
    plan: { name: NAME, stream: NAME, retentionMs: 100 },
    isOver: (call: CallState, now: number) => 'finishedAt' in call && call.finishedAt + 100 <= now,
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
