import { type AppEvent, produce, run } from '@joinery/core'
import kafkajs from 'kafkajs'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }

describe.skipIf(brokers.length === 0)('a transaction of another producer that stays open in a stream', () => {
  it('is reported within 15 s, with the place and the command that ends it, and what is behind it comes out after it', {
    timeout: 60_000,
  }, async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name, { waits: false })
    const names = [activations.name, information.name, notifications.name, dead]
    await createTopics({ brokers }, ...names.map((topic) => ({ topic, partitions: 1 })))
    const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: name('other'), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await using log = kafkaLog({ brokers })
    await produce(log, information, { key: 'p', value: { externalId: 'x' } })
    const events: AppEvent[] = []
    await using app = await run(pipeline, { application: name('service'), log, onEvent: (event) => events.push(event) })
    await produce(log, activations, { key: 'p', value: { id: 1, productId: 'p' } })
    const emitted = () => app.metrics().pipelines[activations.name]?.emitted
    await expect.poll(emitted, LIMIT).toBe(1)

    const open = await producer.transaction()
    await open.send({
      topic: activations.name,
      messages: [{ key: 'p', value: JSON.stringify({ id: 2, productId: 'p' }), partition: 0 }],
    })
    await produce(log, activations, { key: 'p', value: { id: 3, productId: 'p' } })
    const command = `kafka-transactions.sh abort --topic ${activations.name} --partition 0 --start-offset 1`
    await expect.poll(() => app.health().problems.join(), { ...LIMIT, timeout: 15_000 }).toContain(command)
    await expect.poll(() => events.map(({ type }) => type), LIMIT).toContain('stalled')
    expect(app.health()).toMatchObject({
      ready: true,
      stalled: [{ task: 0, reasons: [expect.stringContaining(command)] }],
    })
    expect(emitted()).toBe(1)

    await open.abort()
    await expect.poll(emitted, LIMIT).toBe(2)
    await expect.poll(() => events.map(({ type }) => type), LIMIT).toContain('stall-ended')
    expect(app.health()).toMatchObject({ ready: true, problems: [], stalled: [] })
    await producer.disconnect()
  })
})
