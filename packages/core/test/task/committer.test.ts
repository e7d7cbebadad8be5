import { describe, expect, it } from 'vitest'
import type { CommitResult } from '../../src/log.js'
import { Committer, type CommitterOptions } from '../../src/task/committer.js'
import type { TaskState } from '../../src/task/task-state.js'
import { UncommittedWork } from '../../src/task/uncommitted-work.js'
import { WriteBatch } from '../../src/task/write-batch.js'
import { ManualClock } from '../../src/testing.js'

/** A task without inputs, whose commits end when the test says so. */
function committing(storeCommit: () => void = () => {}) {
  const ends: ((result: CommitResult) => void)[] = []
  const clock = new ManualClock(0)
  const waiters = {
    name: '$waiters',
    isSaveDue: true,
    reached: () => {},
    commit: storeCommit,
    rows: { followed: () => {} },
  }
  const state = {
    hash: 'h',
    inputs: [],
    pipelines: [],
    tables: [],
    callState: undefined,
    waiters,
    session: { commit: () => new Promise<CommitResult>((resolve) => ends.push(resolve)) },
    logTimeMs: () => 0,
  } as unknown as TaskState
  const options: CommitterOptions = {
    inputs: new Map(),
    clock,
    signal: new AbortController().signal,
    outcomes: () => {},
    mayCall: () => true,
    retrying: () => {},
  }
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
  return { committer: new Committer(state, work, options), ends }
}

describe('a committer', () => {
  it('commits again after a commit whose stores have followed', async () => {
    const { committer, ends } = committing()
    for (const changelogOffset of [1, 2]) {
      const commit = committer.commit()
      ends.shift()?.({ outcome: 'committed', changelogOffset })
      expect(await commit).toBe('committed')
    }
  })

  it('never has two commits under way', async () => {
    const { committer } = committing()
    void committer.commit()
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from committing to committing')
  })

  it.each(['rejected', 'unclear', 'fenced'] as const)('commits nothing after a commit that was %s', async (outcome) => {
    const { committer, ends } = committing()
    const commit = committer.commit()
    ends.shift()?.({ outcome })
    expect(await commit).toEqual({ reopenReason: `a commit was ${outcome}` })
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from over to committing')
  })

  it('commits nothing after a store has failed for good', async () => {
    const { committer, ends } = committing(() => {
      throw new Error('the disk is broken')
    })
    const commit = committer.commit()
    ends.shift()?.({ outcome: 'committed', changelogOffset: 1 })
    await expect(commit).rejects.toThrow('the disk is broken')
    await expect(committer.commit()).rejects.toThrow('a committer cannot go from following to committing')
  })
})
