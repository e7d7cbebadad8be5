import { describe, expect, it } from 'vitest'
import { TaskProgress } from '../../../src/task/stall/task-progress.js'

function progressAt(start: number) {
  const time = { now: start }
  return { time, progress: new TaskProgress(() => time.now) }
}

describe('the progress of a task', () => {
  it('begins with the task, and is made by commits', () => {
    const { time, progress } = progressAt(5)
    expect([progress.noneSince, progress.failingSince]).toEqual([5, undefined])
    time.now = 20
    progress.made()
    expect(progress.noneSince).toBe(20)
  })

  it('is made by a restore after one failure, however long it takes', () => {
    const { time, progress } = progressAt(0)
    time.now = 10
    progress.failed()
    time.now = 90_000
    progress.restored()
    expect([progress.noneSince, progress.failingSince]).toEqual([90_000, 10])
  })

  it('is not expected during a rebalance', () => {
    const { time, progress } = progressAt(0)
    time.now = 5_000
    progress.paused()
    time.now = 65_000
    progress.paused()
    progress.resumed()
    expect(progress.noneSince).toBe(60_000)
    time.now = 70_000
    progress.resumed()
    expect(progress.noneSince).toBe(60_000)
  })

  it('is not made by restoring the same state again and again', () => {
    const { time, progress } = progressAt(0)
    for (const now of [10, 20, 30]) {
      time.now = now
      progress.failed()
      progress.restored()
    }
    expect([progress.noneSince, progress.failingSince]).toEqual([10, 10])
    time.now = 40
    progress.made()
    expect([progress.noneSince, progress.failingSince]).toEqual([40, undefined])
    progress.failed()
    progress.restored()
    expect([progress.noneSince, progress.failingSince]).toEqual([40, 40])
  })
})
