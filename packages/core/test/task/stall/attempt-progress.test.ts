import { describe, expect, it } from 'vitest'
import { AttemptProgress } from '../../../src/task/stall/attempt-progress.js'
import { TaskProgress } from '../../../src/task/stall/task-progress.js'

function attemptAt(now: number) {
  const time = { now }
  const task = new TaskProgress(() => time.now)
  let recoveries = 0
  const attempt = new AttemptProgress(task, () => recoveries++)
  return { time, task, attempt, recoveries: () => recoveries }
}

describe('a commit that succeeds', () => {
  it('ends a series of failures', () => {
    const { time, task, attempt, recoveries } = attemptAt(0)
    task.failed()
    time.now = 500
    attempt.committed(true)
    expect([task.failingSince, task.noneSince, recoveries()]).toEqual([undefined, 500, 1])
  })

  it('does not while tables are loaded: the attempt before may have got as far', () => {
    const { time, task, attempt, recoveries } = attemptAt(0)
    task.failed()
    time.now = 500
    attempt.committed(false)
    expect([task.failingSince, recoveries()]).toEqual([0, 0])
  })

  it('begins another series when its attempt has failed meanwhile, for the task does not run', () => {
    const { time, task, attempt, recoveries } = attemptAt(0)
    task.failed()
    attempt.ended()
    time.now = 1_500
    attempt.committed(true)
    expect([task.failingSince, task.noneSince, recoveries()]).toEqual([1_500, 1_500, 0])
  })
})
