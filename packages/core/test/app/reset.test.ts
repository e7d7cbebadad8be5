import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { memoryLog, reset, run } from '../../src/index.js'
import { ManualClock } from '../../src/testing.js'
import { activations, information, notify } from './activation.js'

async function prepared(compact: boolean) {
  const clock = new ManualClock(1_000)
  const topics = compact ? { information: { cleanup: 'compact' as const } } : {}
  const log = memoryLog({ clock, topics })
  const where = { application: 'a', log, clock } as const
  const options = { ...where, commitEvery: '0ms' } as const
  await produce(log, information, { key: 'p', value: { id: '1' } })
  await produce(log, activations, { key: 'p', value: { n: 1 } }, { key: 'q', value: { n: 2 } })
  const first = await run(notify(), options)
  await first.ready
  await expect.poll(() => first.metrics().pipelines.activation).toMatchObject({ in: 2, emitted: 1, waiting: 1 })
  return { where, options, first, log }
}

describe.each([
  ['a compacted table', true],
  ['a table kept in the changelog', false],
])('reset, with %s', (_, compact) => {
  it('reads the streams anew, with nothing waiting from before', async () => {
    const { where, options, first } = await prepared(compact)
    await first.close()
    await reset(notify(), where)
    await using second = await run(notify(), options)
    await expect.poll(() => second.metrics().pipelines.activation).toMatchObject({ in: 2, emitted: 1, waiting: 1 })
  })

  it('or only what comes from now on', async () => {
    const { where, options, first, log } = await prepared(compact)
    await first.close()
    await reset(notify(), { ...where, streams: 'latest' })
    await using second = await run(notify(), options)
    await second.ready
    expect(second.metrics().pipelines.activation).toMatchObject({ in: 0, emitted: 0, waiting: 0 })
    await produce(log, activations, { key: 'p', value: { n: 3 } })
    await expect.poll(() => second.metrics().pipelines.activation).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })

  it('takes a running instance along, which is fenced and goes on from the new position', async () => {
    const { where, first, log } = await prepared(compact)
    await reset(notify(), { ...where, streams: 'latest' })
    await produce(log, activations, { key: 'p', value: { n: 3 } })
    await expect.poll(() => first.metrics().pipelines.activation).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
    await first.close()
  })
})
