import { expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { json, memoryLog, notSent, run, stream, text, topic } from '../../../src/index.js'
import { ManualClock } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })

it('makes calls behind those that a new version of the pipeline does not want any more', async () => {
  const clock = new ManualClock(0)
  const log = memoryLog()
  const options = { inDoubt: { deadLetter: 'in-doubt' }, concurrency: 1 }
  const before = stream(asked).callOnce(async () => {
    throw notSent('the circuit breaker is open')
  }, options)
  const first = await run(before, { application: 'b', log, clock })
  const unwanted = Array.from({ length: 20 }, (_, i) => ({ key: `a${i}`, value: 1 }))
  await produce(log, asked, ...unwanted, { key: 'b', value: 2 })
  await clock.advance(500)
  expect(first.metrics().pipelines.asked?.waiting).toBe(21)
  await first.close()

  const called: number[] = []
  const after = stream(asked)
    .filter((value) => value !== 1)
    .callOnce(async (value) => {
      called.push(value)
    }, options)
  await using second = await run(after, { application: 'b', log, clock })
  await second.ready
  for (let ms = 0; ms < 10_000; ms += 100) await clock.advance(100)
  expect(called).toEqual([2])
  expect(second.metrics().pipelines.asked).toMatchObject({ waiting: 0, dropped: { filtered: 20 } })
})
