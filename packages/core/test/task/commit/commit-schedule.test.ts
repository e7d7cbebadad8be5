import { describe, expect, it } from 'vitest'
import { type CommitInterval, CommitSchedule } from '../../../src/task/commit/commit-schedule.js'
import { ManualClock } from '../../../src/testing.js'

const MIB = 2 ** 20
const MAX_BYTES = 4 * MIB
const DEFAULT: CommitInterval = { minMs: 20, maxMs: 100 }
const FIXED: CommitInterval = { minMs: undefined, maxMs: 100 }

/** A schedule, and tasks that commit as soon as it is due, each in `tookMs`. */
function scheduled(interval: CommitInterval) {
  const clock = new ManualClock(0)
  const schedule = new CommitSchedule(clock, interval, MAX_BYTES)
  const commits: { readonly task: string; readonly at: number }[] = []
  const task = (name: string, tookMs = 0) => {
    const self = {
      commitDue() {
        commits.push({ task: name, at: clock.monotonic() })
        const ended = schedule.beginCommit(self)
        if (tookMs === 0) ended()
        else clock.setTimeout(ended, tookMs)
      },
    }
    return {
      ...self,
      self,
      /** Has changes since now. */
      idle: (bytes = 100) => schedule.update(self, clock.monotonic(), bytes, true),
      busy: (bytes = 100) => schedule.update(self, clock.monotonic(), bytes, false),
    }
  }
  const times = () => commits.map(({ at }) => at)
  return { clock, schedule, commits, task, times }
}

/** A schedule whose commits have all taken the same time, and which is idle now. */
async function afterCommitsOf(tookMs: number) {
  const schedule = scheduled({ minMs: 1, maxMs: 100 })
  for (let i = 0; i < 40; i++) {
    schedule.task('usual', tookMs).idle()
    await schedule.clock.advance(20)
  }
  await schedule.clock.advance(1_000)
  return schedule
}

describe('a fixed interval', () => {
  it('begins with the first change, whether the task is idle or not', async () => {
    const { clock, task, times } = scheduled(FIXED)
    await clock.advance(1_000)
    task('a').idle()
    await clock.advance(99)
    expect(times()).toEqual([])
    await clock.advance(1)
    expect(times()).toEqual([1_100])
  })

  it('is the same for all tasks: the first that is due commits the others, too', async () => {
    const { clock, task, commits } = scheduled(FIXED)
    task('a').busy()
    await clock.advance(60)
    task('b').busy()
    await clock.advance(40)
    expect(commits).toEqual([
      { task: 'a', at: 100 },
      { task: 'b', at: 100 },
    ])
  })
})

describe('a shortest and a longest interval', () => {
  it('commit at once when a task is idle', async () => {
    const { clock, task, times } = scheduled(DEFAULT)
    await clock.advance(1_000)
    task('a').idle()
    expect(times()).toEqual([1_000])
  })

  it('let a busy task continue until the longest has passed', async () => {
    const { clock, task, times } = scheduled(DEFAULT)
    task('a').busy()
    await clock.advance(99)
    expect(times()).toEqual([])
    await clock.advance(1)
    expect(times()).toEqual([100])
  })

  it('commit at once when a busy task becomes idle, and busy ones with it', async () => {
    const { clock, task, commits } = scheduled(DEFAULT)
    const a = task('a')
    a.busy()
    task('b').busy()
    await clock.advance(7)
    a.idle()
    expect(commits).toEqual([
      { task: 'a', at: 7 },
      { task: 'b', at: 7 },
    ])
  })

  it('allow a burst after a quiet time, and then one commit in each shortest interval', async () => {
    const { clock, task, times } = scheduled(DEFAULT)
    const a = task('a')
    await clock.advance(10_000)
    for (let ms = 0; ms < 1_000; ms++) {
      a.idle()
      await clock.advance(1)
    }
    // 4 at once, and 50 in the second that follows
    expect(times().filter((at) => at < 10_010).length).toBe(4)
    expect(times().length).toBeGreaterThanOrEqual(52)
    expect(times().length).toBeLessThanOrEqual(54)
  })

  it('do not begin a commit for an idle task while another one is under way, and pause for twice its time', async () => {
    const { clock, task, commits } = scheduled(DEFAULT)
    task('slow', 10).idle()
    task('b').idle()
    await clock.advance(29)
    expect(commits).toEqual([{ task: 'slow', at: 0 }])
    await clock.advance(1)
    expect(commits).toEqual([
      { task: 'slow', at: 0 },
      { task: 'b', at: 30 },
    ])
  })

  it('pause hardly longer after a single slow commit', async () => {
    const { clock, task, times } = await afterCommitsOf(4)
    const began = clock.monotonic()
    task('slow', 36).idle()
    await clock.advance(36)
    task('next').idle()
    await clock.advance(100)
    // the mean of 4 ms rises by an eighth of the 32 ms more, to 8 ms
    expect(times().slice(-2)).toEqual([began, began + 36 + 16])
  })

  it('count the time of tasks that begin together once', async () => {
    const { clock, task, times } = await afterCommitsOf(4)
    const began = clock.monotonic()
    const slow = ['a', 'b', 'c'].map((name) => task(name, 36))
    for (const each of slow) each.busy()
    slow[0]?.idle()
    await clock.advance(36)
    task('next').idle()
    await clock.advance(100)
    expect(times().slice(-4)).toEqual([began, began, began, began + 36 + 16])
  })

  it('never pause for longer than the longest interval', async () => {
    const { clock, task, commits } = scheduled(DEFAULT)
    task('slow', 12_000).idle()
    await clock.advance(12_000)
    task('b').idle()
    await clock.advance(100)
    expect(commits.map(({ task }) => task)).toEqual(['slow', 'b'])
  })

  it('do not delay the longest interval while another commit is under way', async () => {
    const { clock, task, commits } = scheduled(DEFAULT)
    task('slow', 12_000).idle()
    task('b').idle()
    await clock.advance(100)
    expect(commits.at(-1)).toEqual({ task: 'b', at: 100 })
  })

  it('count tasks that begin together as one commit', async () => {
    const { clock, task, times } = scheduled(DEFAULT)
    const tasks = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => task(name, 1))
    for (const each of tasks) each.busy()
    tasks[0]?.idle()
    await clock.advance(3)
    tasks[0]?.idle()
    await clock.advance(1)
    expect(times()).toEqual([0, 0, 0, 0, 0, 0, 3])
  })
})

describe('the largest size', () => {
  it('counts the changes of all tasks', async () => {
    const { clock, task, commits } = scheduled(FIXED)
    const a = task('a')
    a.busy(3 * MIB)
    task('b').busy(MIB - 1)
    await clock.advance(1)
    expect(commits).toEqual([])
    a.busy(3 * MIB + 1)
    expect(commits.map(({ task }) => task)).toEqual(['a', 'b'])
  })

  it('does not count what was committed or removed', async () => {
    const { clock, schedule, task, commits } = scheduled(FIXED)
    const removed = task('removed')
    removed.busy(3 * MIB)
    schedule.remove(removed.self)
    const own = task('own')
    own.busy(3 * MIB)
    schedule.beginCommit(own.self)()
    task('c').busy(3 * MIB)
    await clock.advance(1)
    expect(commits).toEqual([])
  })
})

it('leaves no timer behind when nothing is pending', async () => {
  const { clock, schedule, task } = scheduled(FIXED)
  const a = task('a')
  a.busy()
  expect(clock.nextTimer).toBe(100)
  schedule.remove(a.self)
  expect(clock.nextTimer).toBeUndefined()
})
