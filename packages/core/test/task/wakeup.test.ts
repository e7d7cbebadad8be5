import { describe, expect, it } from 'vitest'
import { Wakeup } from '../../src/task/wakeup.js'
import { ManualClock } from '../../src/testing.js'

/** A loop that waits, and whether its wait has ended. */
function waiting(until?: number) {
  const clock = new ManualClock(0)
  const wakeup = new Wakeup(clock)
  const wait = (at = until) => {
    const state = { isOver: false }
    void wakeup.wait(at).then(() => {
      state.isOver = true
    })
    return state
  }
  const settled = () => clock.yieldToEventLoop()
  return { clock, wakeup, wait, settled }
}

describe('a loop that waits', () => {
  it('continues when it is woken, and waits again after that', async () => {
    const { clock, wakeup, wait, settled } = waiting()
    expect(wakeup.isWaiting).toBe(false)
    const first = wait()
    await settled()
    expect([first.isOver, wakeup.isWaiting, clock.nextTimer]).toEqual([false, true, undefined])
    wakeup.wake()
    expect(wakeup.isWaiting).toBe(false)
    await settled()
    expect(first.isOver).toBe(true)
    const second = wait()
    await settled()
    expect([second.isOver, wakeup.isWaiting]).toEqual([false, true])
  })

  it('continues at once if it was woken before, once for any number of wakes', async () => {
    const { wakeup, wait, settled } = waiting()
    wakeup.wake()
    wakeup.wake()
    const first = wait()
    await settled()
    expect([first.isOver, wakeup.isWaiting]).toEqual([true, false])
    const second = wait()
    await settled()
    expect(second.isOver).toBe(false)
  })

  it('continues at a time, by the monotonic clock', async () => {
    const { clock, wait } = waiting()
    await clock.advance(100)
    const timed = wait(130)
    expect(clock.nextTimer).toBe(130)
    await clock.advance(29)
    expect(timed.isOver).toBe(false)
    await clock.advance(1)
    expect(timed.isOver).toBe(true)
  })

  it('continues in the next turn if that time has passed', async () => {
    const { clock, wait } = waiting()
    await clock.advance(100)
    const timed = wait(30)
    expect(clock.nextTimer).toBe(100)
    await clock.advance(0)
    expect(timed.isOver).toBe(true)
  })

  it('has no timer left when it was woken before that time', async () => {
    const { clock, wakeup, wait, settled } = waiting()
    wait(130)
    wakeup.wake()
    await settled()
    expect(clock.nextTimer).toBeUndefined()
    const next = wait()
    await clock.advance(200)
    expect(next.isOver).toBe(false)
  })
})
