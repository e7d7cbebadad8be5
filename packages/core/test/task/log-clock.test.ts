import { expect, it } from 'vitest'
import { logClock } from '../../src/task/log-clock.js'
import { ManualClock } from '../../src/testing.js'

it('the clock of the log continues from when it appended OWNER, independently of the wall clock of this machine', async () => {
  const clock = new ManualClock(5)
  await clock.advance(100)
  const logTimeMs = logClock(70_000, () => clock.monotonic())
  expect(logTimeMs()).toBe(70_000)
  await clock.advance(30)
  clock.setNow(1)
  expect(logTimeMs()).toBe(70_030)
})
