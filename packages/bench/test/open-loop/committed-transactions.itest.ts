import kafkajs from 'kafkajs'
import { expect, inject, it } from 'vitest'
import type {} from '../../../testbed/src/vitest-setup.js'
import { countCommits } from '../../src/open-loop/committed-transactions.js'
import { LoadClient } from '../../src/open-loop/load-client.js'

const brokers = inject('brokers')
const [broker = ''] = brokers

it("counts an application's committed transactions, neither aborted ones nor those of others", async () => {
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const name = `commits-${Date.now()}`
  await using client = await LoadClient.connect(brokers)
  await client.createTopics(2, { [name]: 'delete' })
  const write = async (transactionalId: string, ends: readonly ('commit' | 'abort')[]) => {
    const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const end of ends) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: name, messages: [0, 1].map((partition) => ({ partition, value: end })) })
      await transaction[end]()
    }
    await producer.disconnect()
  }
  await write(`${name}-a`, ['commit', 'abort', 'commit'])
  await write(`${name}-b`, ['commit'])
  await write(`other-${name}`, ['commit', 'commit'])

  const forever = [0, Number.POSITIVE_INFINITY] as const
  await expect.poll(() => countCommits(broker, name, ...forever)).toBe(3)
  await expect.poll(() => countCommits(broker, `other-${name}`, ...forever)).toBe(2)
  expect(await countCommits(broker, name, 0, 1)).toBe(0)
})
