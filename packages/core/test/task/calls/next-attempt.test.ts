import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { json, memoryLog, notSent, run, stream, text, topic } from '../../../src/index.js'
import { ManualClock } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })

/** Time passes while it is looked at, and timers run a little early, as Node's do. */
class PassingClock extends ManualClock {
  readonly #earlyMs: number
  #looks = 0

  constructor(earlyMs: number) {
    super(0)
    this.#earlyMs = earlyMs
  }

  override monotonic(): number {
    return super.monotonic() + 0.25 * this.#looks++
  }

  override setTimeout(run: () => void, ms: number) {
    return super.setTimeout(run, ms - this.#earlyMs)
  }
}

describe('the next try of a call that was not sent', () => {
  const earliness = Array.from({ length: 20 }, (_, i) => i * 0.25)
  it.each(earliness)('is made though its time comes between two looks at the clock (%d ms early)', async (earlyMs) => {
    const clock = new PassingClock(earlyMs)
    const attempts: number[] = []
    const pipeline = stream(asked).callOnce(
      async (_, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw notSent('the circuit breaker is open')
      },
      { inDoubt: { deadLetter: 'in-doubt' } },
    )
    const log = memoryLog()
    await using app = await run(pipeline, { application: 'b', log, clock })
    await produce(log, asked, { key: 'a', value: 1 })
    for (let ms = 0; ms < 10_000 && attempts.length < 2; ms += 100) await clock.advance(100)
    expect(attempts).toEqual([1, 2])
    await clock.advance(1_000)
    expect(app.metrics().pipelines.asked?.waiting).toBe(0)
  })
})
