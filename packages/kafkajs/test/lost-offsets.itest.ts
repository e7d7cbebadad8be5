import { produce, reset, run } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { administer, createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const MISSED = 3

describe('records that were deleted before they were read', () => {
  let application: string
  let join: TestJoin
  const log = () => kafkaLog({ brokers })

  beforeEach(async () => {
    const name = unique()
    application = name('service')
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
    )
    await using own = log()
    await using app = await run(join.pipeline, { application, log: own })
    await produce(own, information, { key: 'p', value: { externalId: 'x' } })
    await produce(own, activations, { key: 'p', value: { id: 0, productId: 'p' } })
    await expect.poll(() => app.metrics().pipelines[activations.name]?.emitted, LIMIT).toBe(1)
  })

  const deleteBefore = (topic: string, offset: number) =>
    administer({ brokers }, async (admin) => {
      await admin.fetchTopicOffsets(topic) // kafkajs needs its metadata
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
    })
  const write = {
    stream: async (own: ReturnType<typeof log>, id: number) =>
      produce(own, join.activations, { key: 'p', value: { id, productId: 'p' } }),
    table: async (own: ReturnType<typeof log>, id: number) =>
      produce(own, join.information, { key: 'p', value: { externalId: `x${id}` } }),
  }

  it.each([
    ['stream', () => join.activations.name],
    ['table', () => join.information.name],
  ] as const)(
    'of a %s: the application ends and names the offset, and nothing is skipped silently',
    async (of, topic) => {
      await using own = log()
      for (let id = 1; id <= MISSED; id++) await write[of](own, id)
      await deleteBefore(topic(), 1 + MISSED)
      const app = await run(join.pipeline, { application, log: own })
      await expect(app.closed).rejects.toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        topic: topic(),
        partition: 0,
        offset: 1,
      })
      expect((await recordsOf(own, join.notifications.name)).length).toBe(1)
    },
  )

  it('continues at the given offsets once it was reset', async () => {
    await using own = log()
    for (let id = 1; id <= MISSED; id++) await write.stream(own, id)
    await deleteBefore(join.activations.name, MISSED)
    await reset(join.pipeline, { application, log: own, streams: 'earliest' })
    await using app = await run(join.pipeline, { application, log: own })
    await expect.poll(() => app.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(1)
    const ids = (await recordsOf(own, join.notifications.name)).map(
      ({ value }) => join.notifications.value.decode(value as Uint8Array).id,
    )
    expect(ids).toEqual([0, MISSED])
  })
})
