import { type AppEvent, produce, run } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf, recordsOfPartition } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const bytes = (text: string) => Buffer.from(text)

describe('an owner that was replaced by another one', () => {
  let name: (topic: string) => string
  let join: TestJoin

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
    )
  })

  it('is fenced: its writes never become visible', async () => {
    await using log = kafkaLog({ brokers })
    const application = name('service')
    await log.tasks.prepare({ application, partitions: 1, maxMessageBytes: 1_048_588 })
    const work = (id: string) => ({
      outputs: [
        {
          topic: join.notifications.name,
          key: bytes(id),
          value: bytes(id),
          timestamp: 1_700_000_000_000,
          headers: [],
          partition: 0,
        },
      ],
      changelog: [{ key: Buffer.from([1, 1]), value: Buffer.concat([Buffer.from([1]), bytes(id)]) }],
      offsets: new Map(),
    })
    const first = await log.tasks.open({ application, task: 0 })
    expect((await first.commit(work('before'))).outcome).toBe('committed')
    const second = await log.tasks.open({ application, task: 0 })
    expect(second.token.topicId).toBe(first.token.topicId)
    expect(second.token.offset).toBeGreaterThan(first.token.offset)

    expect((await first.commit(work('stale'))).outcome).toBe('fenced')
    expect((await first.commit(work('stale again'))).outcome).toBe('fenced')
    expect((await second.commit(work('after'))).outcome).toBe('committed')

    const visible = async (topic: string) =>
      (await recordsOfPartition(log, topic, 0)).map(({ value }) => Buffer.from(value as Uint8Array).toString())
    expect(await visible(join.notifications.name)).toEqual(['before', 'after'])
    const changelog = await visible(`${application}-changelog`)
    expect(changelog.filter((value) => value.includes('stale'))).toEqual([])
  })

  it('verifies its membership and reopens the task: a stale member may have fenced the rightful owner', async () => {
    await using log = kafkaLog({ brokers })
    const application = name('service')
    const events: AppEvent[] = []
    const { activations, information, notifications } = join
    await using app = await run(join.pipeline, { application, log, onEvent: (event) => events.push(event) })
    await app.ready
    const totals = () => app.metrics().pipelines[activations.name]
    await produce(log, information, { key: 'p', value: { externalId: 'x' } })
    await produce(log, activations, { key: 'p', value: { id: 1, productId: 'p' } })
    await expect.poll(() => totals()?.emitted, LIMIT).toBe(1)

    await using intruder = kafkaLog({ brokers })
    await intruder.tasks.open({ application, task: 0 })
    await produce(log, activations, { key: 'p', value: { id: 2, productId: 'p' } })
    await expect.poll(() => totals(), LIMIT).toMatchObject({ in: 2, emitted: 2 })
    expect(events).toContainEqual(expect.objectContaining({ type: 'reopening', task: 0 }))
    const outputs = await recordsOf(log, notifications.name)
    expect(outputs.map(({ value }) => notifications.value.decode(value as Uint8Array).id)).toEqual([1, 2])
  })
})
