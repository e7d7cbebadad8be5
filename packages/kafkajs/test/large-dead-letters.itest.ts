import { deadLetterInfo, json, produce, run, stream, table, text, topic } from '@joinery/core'
import kafkajs from 'kafkajs'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 30_000, interval: 20 }
const MAX_BYTES = 50_000
const GOOD = 50

interface Event {
  readonly i: number
  readonly pad?: string
}

/** Sends the largest event that the topic accepts. Returns its value. */
async function sendLargest(topic: string): Promise<string> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
  const producer = client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
  })
  await producer.connect()
  try {
    for (let padding = MAX_BYTES; ; padding--) {
      const value = JSON.stringify({ i: -1, pad: 'x'.repeat(padding) })
      const isAccepted = await producer.send({ topic, messages: [{ key: 'large', value }] }).then(
        () => true,
        () => false,
      )
      if (isAccepted) return value
    }
  } finally {
    await producer.disconnect()
  }
}

describe('a dead letter of the largest event that its stream accepts, in a topic of the same size', () => {
  it.each([
    ['whose row never arrives', 'no-row'],
    ['whose joiner throws', 'function-threw'],
  ] as const)(
    '%s, is written without its value; the events around it come out',
    async (_, reason) => {
      const name = unique()
      const serdes = { key: text(), value: json<Event>() }
      const events = topic(name('events'), serdes)
      const rows = topic(name('rows'), serdes)
      const results = topic(name('results'), serdes)
      const dead = name('dead')
      const config = { 'max.message.bytes': MAX_BYTES }
      await createTopics(
        { brokers },
        ...[events.name, results.name, dead].map((topic) => ({ topic, partitions: 1, config })),
        { topic: rows.name, partitions: 1, config: { 'cleanup.policy': 'compact' } },
      )
      const otherwise = { deadLetter: dead }
      const joiner = ({ i }: Event) => {
        if (i === -1) throw new Error('a bug')
        return { i }
      }
      const wait = reason === 'no-row' ? { wait: { atMost: '1s', otherwise } as const } : {}
      const pipeline = stream(events, { onError: otherwise }).join(table(rows), joiner, wait).to(results)
      await using log = kafkaLog({ brokers })
      const good = (from: number) =>
        produce(log, events, ...Array.from({ length: GOOD }, (_, i) => ({ key: 'k', value: { i: from + i } })))
      await produce(log, rows, { key: 'k', value: { i: 0 } })
      if (reason === 'function-threw') await produce(log, rows, { key: 'large', value: { i: 0 } })
      await good(0)
      const value = await sendLargest(events.name)
      await good(GOOD)

      const expected = { in: 2 * GOOD + 1, emitted: 2 * GOOD, waiting: 0, deadLettered: { [reason]: 1 } }
      for (let start = 1; start <= 2; start++) {
        await using app = await run(pipeline, { application: name('service'), log })
        await app.ready
        await expect.poll(() => app.metrics().pipelines[events.name], LIMIT).toMatchObject(expected)
      }
      const outputs = (await recordsOf(log, results.name)).map(
        (each) => results.value.decode(each.value as Uint8Array).i,
      )
      expect(outputs).toEqual(Array.from({ length: 2 * GOOD }, (_, i) => i))
      const letters = await recordsOf(log, dead)
      expect(letters).toMatchObject([{ key: Buffer.from('large'), value: null }])
      const headers = letters[0]?.headers ?? []
      expect(String(new Map(headers).get('joinery-omitted'))).toBe('headers,value')
      const origin = { topic: events.name, partition: 0, offset: GOOD }
      expect(deadLetterInfo(headers)).toMatchObject({ reason, origin })
      // the original is where the letter says
      const original = (await recordsOf(log, events.name)).find(({ offset }) => offset === origin.offset)
      expect(String(original?.value)).toBe(value)
    },
    60_000,
  )
})
