import { describe, expect, it } from 'vitest'
import { POSITION_KEY } from '../../../src/changelog/keys.js'
import { decodePosition } from '../../../src/changelog/position-record.js'
import { JoineryError } from '../../../src/errors.js'
import type { ChangelogRecord, CommitResult, OutputBuffer, TaskWork } from '../../../src/log.js'
import { newTotals } from '../../../src/outcome/totals.js'
import { Committer } from '../../../src/task/commit/committer.js'
import { RefusedOutputs } from '../../../src/task/commit/refused-outputs.js'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { type Commit, WriteBatch } from '../../../src/task/commit/write-batch.js'
import type { TaskState } from '../../../src/task/task-state.js'
import { ManualClock } from '../../../src/testing.js'

const KEY = Buffer.from('k')
const VALUE = Buffer.from('v')
const OUTPUT = { topic: 'out', key: KEY, value: VALUE, timestamp: 7, headers: [] }

/** A store that shows what a commit does with it. */
class FollowingStore {
  readonly name: string
  isSaveDue = false
  readonly commits: (readonly [changes: readonly unknown[], at: number])[] = []
  /** The times of the end offsets that it has reached. */
  readonly reachedAt: number[] = []
  /** Keys of changed rows that the row cache takes over. */
  readonly cached: string[] = []
  readonly rows = { committed: (changes: ReadonlyMap<string, unknown>) => this.cached.push(...changes.keys()) }
  readonly #commit: () => Promise<void> | void

  constructor(name: string, commit: () => Promise<void> | void = () => {}) {
    this.name = name
    this.#commit = commit
  }

  reached(time: number): void {
    this.reachedAt.push(time)
  }

  commit(changes: readonly unknown[], at: number): Promise<void> | void {
    this.commits.push([changes, at])
    return this.#commit()
  }
}

/** What a store throws, commit by commit; it takes those after the last error. */
const failing = (...errors: readonly unknown[]) => {
  const left = [...errors]
  return async () => {
    if (left.length > 0) throw left.shift()
  }
}

const input = (topic: string, next: number) => ({ topic, next })
const operator = (name: string) => ({ operator: { plan: { name }, totals: newTotals() } })

/** A task with a stream, calls, a table that is its own changelog, and one whose rows are in the changelog. */
function task(fails: { readonly waiters?: () => Promise<void>; readonly buffer?: OutputBuffer } = {}) {
  const clock = new ManualClock(1_000)
  const abort = new AbortController()
  const ends: ((result: CommitResult) => void)[] = []
  const sent: TaskWork[] = []
  const stores = {
    waiters: new FollowingStore('$waiters', fails.waiters),
    calls: new FollowingStore('$calls'),
    compacted: new FollowingStore('compacted'),
    kept: new FollowingStore('kept'),
  }
  const [p, c] = [operator('p'), operator('c')]
  const state = {
    hash: 'h',
    inputs: [input('compacted', 20), input('kept', 30), input('events', 40), input('asked', 50)],
    pipelines: [p],
    tables: [
      { plan: { topic: 'compacted' }, inChangelog: false, store: stores.compacted, skippedBefore: 2, skipped: 3 },
      { plan: { topic: 'kept' }, inChangelog: true, store: stores.kept, skippedBefore: 4, skipped: 5 },
    ],
    callState: { calls: [c], store: { store: stores.calls } },
    waiters: stores.waiters,
    session: {
      commit(work: TaskWork) {
        sent.push(work)
        return new Promise<CommitResult>((resolve) => ends.push(resolve))
      },
    },
    logTimeMs: () => 500_000 + clock.monotonic(),
  }
  const outcomes: unknown[] = []
  const retries: [code: string, inMs: number][] = []
  const mayCall = { is: true }
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0, fails.buffer))
  const info = (topic: string) => [topic, { id: `id of ${topic}`, partitions: 4 }] as const
  const refused = new RefusedOutputs()
  const committer = new Committer(state as unknown as TaskState, work, {
    inputs: new Map(['compacted', 'kept', 'events', 'asked'].map(info)) as never,
    clock,
    signal: abort.signal,
    outcomes: (of) => outcomes.push(...of),
    mayCall: () => mayCall.is,
    refused,
    retrying: ({ code }, inMs) => retries.push([code, inMs]),
  })
  const end = (result: CommitResult) => ends.shift()?.(result)
  const committed = (changelogOffset = 99) => end({ outcome: 'committed', changelogOffset })
  return {
    committer,
    refused,
    work,
    clock,
    abort,
    sent,
    end,
    committed,
    stores,
    totals: p.operator.totals,
    outcomes,
    retries,
    mayCall,
  }
}

/** The POSITION that a commit writes, after its other changelog records. */
function positionOf({ changelog = [] }: Partial<TaskWork> = {}): unknown {
  const { key, value } = changelog.at(-1) as ChangelogRecord
  expect(key).toEqual(POSITION_KEY)
  return decodePosition(value as Uint8Array)
}

describe('a commit', () => {
  it('writes everything that the batch has collected, and then the POSITION of the task', async () => {
    const { committer, work, sent, totals } = task()
    totals.in = 3
    work.current.output(OUTPUT, 10)
    work.current.appendChangelog(KEY, VALUE)
    void committer.commit()
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({
      outputs: [OUTPUT],
      offsets: new Map([
        ['compacted', 20],
        ['kept', 30],
        ['events', 40],
        ['asked', 50],
      ]),
    })
    expect(sent[0]?.changelog.slice(0, -1)).toEqual([{ key: KEY, value: VALUE }])
    expect(sent[0]).not.toHaveProperty('buffered')
    expect(positionOf(sent[0])).toEqual({
      writtenAt: 1_000,
      // of a table that is rebuilt from its topic, POSITION counts the records that are not rows
      inputs: {
        compacted: { id: 'id of compacted', next: 20, skipped: 5 },
        kept: { id: 'id of kept', next: 30 },
        events: { id: 'id of events', next: 40 },
        asked: { id: 'id of asked', next: 50 },
      },
      partitions: 4,
      hash: 'h',
      totals: { p: { ...newTotals(), in: 3 }, c: newTotals() },
    })
    expect(work.batches).toHaveLength(2) // effects go into a new batch
  })

  it('passes outputs in the buffer of the session, if the session has one', () => {
    const added: unknown[] = []
    const buffer: OutputBuffer = { add: (record) => added.push(record) }
    const { committer, work, sent } = task({ buffer })
    work.current.output(OUTPUT, 10)
    void committer.commit()
    expect(sent[0]?.buffered).toBe(buffer)
    expect([added, sent[0]?.outputs]).toEqual([[OUTPUT], []])
  })

  it('makes the totals those of when it began; before that, and if it fails, they stay as they were', async () => {
    const { committer, totals, committed, end } = task()
    totals.in = 1
    const first = committer.commit()
    totals.in = 2
    expect(committer.totals).toMatchObject({ p: { in: 0 }, c: { in: 0 } })
    committed()
    await first
    expect(committer.totals).toMatchObject({ p: { in: 1 } })
    const second = committer.commit()
    end({ outcome: 'rejected' })
    await second
    expect(committer.totals).toMatchObject({ p: { in: 1 } })
  })

  it('reports the outcomes, and runs what waits for it, once the log has it', async () => {
    const { committer, work, clock, committed, outcomes, mayCall } = task()
    const outcome = {
      type: 'call-not-sent',
      pipeline: 'c',
      callId: '1',
      partition: 0,
      token: 't',
      reason: 'r',
    } as const
    const commits: Commit[] = []
    work.current.outcome(outcome)
    work.current.afterCommit((commit) => commits.push(commit))
    await clock.advance(5)
    const commit = committer.commit()
    await clock.advance(20)
    mayCall.is = false // it counts whether calls may be made now, not when the commit was sent
    expect([outcomes, commits]).toEqual([[], []])
    committed()
    await commit
    expect(outcomes).toEqual([outcome])
    expect(commits).toEqual([{ sentAt: 5, mayCall: false }])
  })

  it('that failed changes no store, and reports no outcomes', async () => {
    const { committer, work, end, outcomes, stores } = task()
    let ran = 0
    work.current.putState(KEY, VALUE)
    work.current.outcome({ type: 'call-not-sent', pipeline: 'c', callId: '1', partition: 0, token: 't', reason: 'r' })
    work.current.afterCommit(() => ran++)
    const commit = committer.commit()
    end({ outcome: 'unclear' })
    await commit
    expect([outcomes, ran, stores.waiters.commits, stores.waiters.reachedAt]).toEqual([[], 0, [], []])
  })
})

describe('after a commit', () => {
  it('each store gets its changes, with the offset up to which it reflects the topic that it follows', async () => {
    const { committer, work, committed, stores } = task()
    const change = { key: KEY, value: VALUE }
    work.current.putState(KEY, VALUE)
    work.current.putCall(KEY, null)
    work.current.putRow('compacted', change)
    work.current.putRow('kept', change)
    const commit = committer.commit()
    committed(99)
    expect(await commit).toBe('committed')
    expect(stores.waiters.commits).toEqual([[[change], 99]])
    expect(stores.calls.commits).toEqual([[[{ key: KEY, value: null }], 99]])
    expect(stores.compacted.commits).toEqual([[[change], 20]]) // the next offset of its own topic
    expect(stores.kept.commits).toEqual([[[change], 99]])
    expect(Object.values(stores).map(({ cached }) => cached.length)).toEqual([1, 1, 1, 1])
    expect(work.batches).toEqual([work.current])
  })

  it('a store without changes is written only to save the time of its last catch-up', async () => {
    const { committer, committed, stores } = task()
    stores.compacted.isSaveDue = true
    const commit = committer.commit()
    committed(99)
    await commit
    expect(stores.compacted.commits).toEqual([[[], 20]])
    expect(stores.compacted.cached).toEqual([])
    expect([stores.waiters, stores.calls, stores.kept].flatMap(({ commits }) => commits)).toEqual([])
  })

  it('the stores that follow the changelog have reached its end as of when the commit was sent', async () => {
    const { committer, clock, committed, stores } = task()
    await clock.advance(5)
    const commit = committer.commit()
    await clock.advance(20)
    committed()
    await commit
    expect(Object.values(stores).map(({ reachedAt }) => reachedAt)).toEqual([[500_005], [500_005], [], [500_005]])
  })

  it('a store that fails is retried after 50, 100, 200 … ms, and reported each time', async () => {
    const down = new JoineryError('STORE_FAILED', 'down', { retriable: true })
    const { committer, work, clock, committed, stores, retries } = task({ waiters: failing(down, down, down) })
    work.current.putState(KEY, VALUE)
    const commit = committer.commit()
    committed()
    await clock.advance(0)
    expect(stores.waiters.commits).toHaveLength(1)
    await clock.advance(49)
    expect(stores.waiters.commits).toHaveLength(1)
    await clock.advance(1)
    expect(stores.waiters.commits).toHaveLength(2)
    await clock.advance(300)
    expect(await commit).toBe('committed')
    expect(retries).toEqual([
      ['STORE_FAILED', 50],
      ['STORE_FAILED', 100],
      ['STORE_FAILED', 200],
    ])
    expect(stores.waiters.commits).toEqual(Array.from({ length: 4 }, () => [[{ key: KEY, value: VALUE }], 99]))
  })

  it.each(['STORE_FENCED', 'STORE_BEHIND'] as const)('the task is reopened for a store with %s', async (code) => {
    const error = new JoineryError(code, 'no')
    const { committer, work, committed, retries } = task({ waiters: failing(error) })
    work.current.putState(KEY, VALUE)
    const commit = committer.commit()
    committed()
    expect(await commit).toEqual({ reason: `${code}: no`, skipsBackoff: false, error })
    expect(retries).toEqual([])
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from failed to committing')
  })

  it('the error of a store that a retry cannot fix ends the task', async () => {
    const { committer, work, committed, retries } = task({ waiters: failing(new JoineryError('STORE_CORRUPT', 'bad')) })
    work.current.putState(KEY, VALUE)
    const commit = committer.commit()
    committed()
    await expect(commit).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    expect(retries).toEqual([])
  })

  it('a store that fails is retried no longer than the task lives', async () => {
    const down = new JoineryError('STORE_FAILED', 'down', { retriable: true })
    const { committer, work, clock, abort, committed, stores } = task({ waiters: failing(down, down) })
    work.current.putState(KEY, VALUE)
    work.current.putRow('kept', { key: KEY, value: VALUE })
    const commit = committer.commit()
    committed()
    await clock.advance(0)
    abort.abort()
    expect(await commit).toEqual({ reason: 'the task ended before its stores had the commit', skipsBackoff: false })
    expect([stores.waiters.commits.length, stores.kept.commits.length]).toEqual([1, 0])
  })
})

describe('a committer', () => {
  it('commits again once the stores have committed, too', async () => {
    const { committer, committed } = task()
    for (const changelogOffset of [1, 2]) {
      const commit = committer.commit()
      committed(changelogOffset)
      expect(await commit).toBe('committed')
    }
  })

  it('never has two commits under way', async () => {
    const { committer } = task()
    void committer.commit()
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from committing to committing')
  })

  it.each(['rejected', 'unclear', 'fenced'] as const)('commits nothing after a commit that was %s', async (outcome) => {
    const { committer, end } = task()
    const commit = committer.commit()
    end({ outcome })
    expect(await commit).toEqual({ reason: `a commit was ${outcome}`, skipsBackoff: false })
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from failed to committing')
  })

  it.each([
    [new Error('the broker is gone'), 'the broker is gone'],
    ['a text', 'a text'],
  ])('says why a commit failed, if the log does: %s', async (cause, text) => {
    const { committer, end } = task()
    const commit = committer.commit()
    end({ outcome: 'unclear', cause })
    expect(await commit).toEqual({ reason: `a commit was unclear: ${text}`, skipsBackoff: false })
  })

  it('commits nothing after a store has failed for good', async () => {
    const { committer, work, committed } = task({ waiters: failing(new Error('the disk is broken')) })
    work.current.putState(KEY, VALUE)
    const commit = committer.commit()
    committed()
    await expect(commit).rejects.toThrow('the disk is broken')
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from applying to committing')
  })
})
