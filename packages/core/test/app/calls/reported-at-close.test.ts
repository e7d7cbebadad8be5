import { describe, expect, it } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { produce } from '../../../src/app/produce.js'
import { json, memoryLog, run, stream, text, topic } from '../../../src/index.js'
import { faultyLog } from '../../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<number>() })

describe('closing', () => {
  it('tells the next owner of a call whose outcome could not be committed', async () => {
    let answer: (result: number) => void = () => {}
    let isRefused = false
    const pipeline = stream(asked)
      .callOnce(() => new Promise<number>((resolve) => (answer = resolve)), { inDoubt: { deadLetter: 'in-doubt' } })
      .to(results)
    const log = memoryLog()
    const refusing = faultyLog(log, { commit: () => (isRefused ? 'rejected' : undefined) })
    const first = await run(pipeline, { application: 'b', log: refusing })
    await produce(log, asked, { key: 'a', value: 1 })
    await expect.poll(() => first.metrics().gauges.callsRunning).toBe(1)
    isRefused = true
    const closed = first.close()
    answer(7)
    await closed

    await using second = await run(pipeline, { application: 'b', log })
    await expect.poll(() => second.metrics().pipelines.asked?.emitted).toBe(1)
    expect(second.metrics().pipelines.asked?.inDoubt).toBeUndefined()
    const found: unknown[] = []
    for await (const { value } of consume(log, results, { until: 'end' })) found.push(value)
    expect(found).toEqual([7])
  })
})
