import { consume, deadLetterInfo, json, produce, run, type Serde, stream, table, text, topic } from '@joinery/core'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
/** A serde as written without types, or with `any`. */
const encodesText = { ...text(), encode: (value: unknown) => JSON.stringify(value) } as unknown as Serde<unknown>
const encodesLater = { ...text(), encode: async (value: unknown) => JSON.stringify(value) } as unknown as Serde<unknown>

describe('a serde that does not encode to bytes', () => {
  it.each([
    ['a string', encodesText],
    ['a promise', encodesLater],
  ])('writes nothing to Kafka, and its records are dead-lettered: %s', async (type, wrong) => {
    const named = unique()
    const names = { events: named('events'), rows: named('rows'), out: named('out'), dead: named('dead') }
    await createTopics(
      { brokers },
      ...[names.events, names.out, names.dead].map((each) => ({ topic: each, partitions: 1 })),
      { topic: names.rows, partitions: 1, config: { 'cleanup.policy': 'compact' } },
    )
    const serdes = { key: text(), value: json<object>() }
    const [events, rows] = [topic(names.events, serdes), topic(names.rows, serdes)]
    const pipeline = stream(events, { onError: { deadLetter: names.dead } })
      .leftJoin(table(rows), (event) => event)
      .to(topic(names.out, { key: text(), value: wrong }))
    await using log = kafkaLog({ brokers })
    await using app = await run(pipeline, { application: named('app'), log })
    await app.ready
    await produce(log, events, { key: 'k', value: {} })
    const letters = consume(log, topic(names.dead, { key: text(), value: text() }))
    const { headers = [] } = (await letters.next()).value ?? {}
    await letters.return()
    expect(deadLetterInfo(headers)?.message).toContain(`encode returned ${type}, not bytes`)
    const odd = topic(names.events, { key: text(), value: wrong })
    await expect(produce(log, odd, { key: 'k', value: {} })).rejects.toMatchObject({ code: 'ENCODE_FAILED' })
    expect(await recordsOf(log, names.out)).toEqual([])
    expect(await recordsOf(log, names.events)).toHaveLength(1)
  })
})
