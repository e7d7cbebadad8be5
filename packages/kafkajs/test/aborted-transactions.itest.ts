import { produce, run } from '@joinery/core'
import { expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { type Message, OtherProducer } from './support/other-producer.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }

it.skipIf(brokers.length === 0)(
  'of events, rows and deletions of transactional producers only those count that were committed',
  async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name)
    await createTopics(
      { brokers },
      ...[activations.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
      { topic: information.name, partitions: 1, config: { 'cleanup.policy': 'compact' } },
    )
    const row = (key: string, externalId: string | null) => ({
      topic: information.name,
      key,
      value: externalId === null ? null : { externalId },
    })
    const event = (key: string, id: number) => ({ topic: activations.name, key, value: { id, productId: key } })
    await using producer = new OtherProducer(brokers, name('other'))
    const committed = async (...messages: Message[]) => (await producer.begin(...messages)).commit()
    const aborted = async (...messages: Message[]) => (await producer.begin(...messages)).abort()

    await committed(row('a', 'good'))
    await aborted(row('a', 'aborted'), row('b', 'aborted'), event('a', -1))
    await committed(event('a', 1), event('b', 2))
    await aborted(row('a', null))
    await using log = kafkaLog({ brokers })
    await using app = await run(pipeline, { application: name('service'), log })
    const totals = () => app.metrics().pipelines[activations.name]
    await expect.poll(totals, LIMIT).toMatchObject({ in: 2, emitted: 1, waiting: 1 })

    // while it runs; what is read after the aborted ones shows that they have been passed
    await aborted(row('a', null), row('b', 'aborted'), event('a', -2))
    await committed(row('c', 'good'))
    await committed(event('a', 3), event('c', 4))
    await expect.poll(totals, LIMIT).toMatchObject({ in: 4, emitted: 3, waiting: 1 })
    await produce(log, information, { key: 'b', value: { externalId: 'good' } })
    await expect.poll(totals, LIMIT).toMatchObject({ in: 4, emitted: 4, waiting: 0 })

    const outputs = (await recordsOf(log, notifications.name)).map(({ value }) =>
      notifications.value.decode(value as Uint8Array),
    )
    expect(outputs.map(({ id, externalId }) => `${id} ${externalId}`).sort()).toEqual(
      [1, 2, 3, 4].map((id) => `${id} good`),
    )
    expect(await recordsOf(log, dead)).toEqual([])
  },
  60_000,
)
