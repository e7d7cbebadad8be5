import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../src/index.js'

describe('systemClock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('returns the wall-clock time, and a monotonic time that does not jump with it', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 })
    expect(systemClock.now()).toBe(1_700_000_000_000)
    const before = systemClock.monotonic()
    vi.setSystemTime(1_600_000_000_000)
    expect(systemClock.now()).toBe(1_600_000_000_000)
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before)
  })

  it('runs a timer once, not early, and not after it was cancelled', () => {
    vi.useFakeTimers()
    const [kept, cancelled] = [vi.fn(), vi.fn()]
    systemClock.setTimeout(kept, 100)
    systemClock.setTimeout(cancelled, 100).cancel()
    vi.advanceTimersByTime(99)
    expect(kept).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_000)
    expect(kept).toHaveBeenCalledTimes(1)
    expect(cancelled).not.toHaveBeenCalled()
  })

  it('does not run a timer of more than 24 days immediately', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    systemClock.setTimeout(run, 60 * 86_400_000)
    vi.advanceTimersByTime(1_000)
    expect(run).not.toHaveBeenCalled()
  })

  it('runs pending callbacks before yieldToEventLoop resolves', async () => {
    let happened = false
    setImmediate(() => {
      happened = true
    })
    await systemClock.yieldToEventLoop()
    expect(happened).toBe(true)
  })
})
