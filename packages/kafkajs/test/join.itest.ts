import { randomUUID } from 'node:crypto'
import { consume, json, produce, run, stream, table, text, topic } from '@joinery/core'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { createTopics } from './support/topics.js'

const brokers = inject('brokers')
const id = randomUUID().slice(0, 8)
const activations = topic(`activation-${id}`, { key: text(), value: json<{ productId: string }>() })
const information = topic(`information-${id}`, { key: text(), value: json<{ externalId: string }>() })
const notifications = topic(`notifications-${id}`, {
  key: text(),
  value: json<{ productId: string; externalId: string }>(),
})
const dead = `dead-${id}`

const notify = stream(activations)
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter: dead } },
  })
  .to(notifications)

describe('a join on Kafka', () => {
  beforeAll(async () => {
    await createTopics(
      { brokers },
      { topic: activations.name },
      { topic: information.name, config: { 'cleanup.policy': 'compact' } },
      { topic: notifications.name },
      { topic: dead, partitions: 1 },
    )
  })

  it('joins at once, and keeps events without a row, also across a restart', async () => {
    await using log = kafkaLog({ brokers })
    await produce(log, information, { key: 'p1', value: { externalId: 'x1' } })
    await produce(
      log,
      activations,
      { key: 'p1', value: { productId: 'p1' } },
      { key: 'p2', value: { productId: 'p2' } },
    )
    const outputs = consume(log, notifications)
    const first = await run(notify, { application: `a-${id}`, log })
    await first.ready
    expect((await outputs.next()).value?.value).toEqual({ productId: 'p1', externalId: 'x1' })
    await expect
      .poll(() => first.metrics().pipelines[activations.name], { timeout: 10_000 })
      .toMatchObject({ in: 2, emitted: 1, waiting: 1 })
    await first.close()

    await using second = await run(notify, { application: `a-${id}`, log })
    await second.ready
    await produce(log, information, { key: 'p2', value: { externalId: 'x2' } })
    expect((await outputs.next()).value?.value).toEqual({ productId: 'p2', externalId: 'x2' })
    await outputs.return()
    await expect
      .poll(() => second.metrics().pipelines[activations.name], { timeout: 10_000 })
      .toMatchObject({ in: 2, emitted: 2, waiting: 0 })
  }, 60_000)
})
