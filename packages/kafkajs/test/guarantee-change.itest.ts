import { json, produce, run, stream, table, text, topic } from '@joinery/core'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const name = unique()
const LIMIT = { timeout: 20_000, interval: 20 }
const serdes = { key: text(), value: json<object>() }
const events = topic(name('events'), serdes)
const rows = topic(name('rows'), serdes)
const out = topic(name('out'), serdes)
const join = (event: object, row: object) => ({ ...event, ...row })
const waiting = stream(events)
  .join(table(rows), join, { wait: { atMost: '10m', otherwise: 'drop' } })
  .to(out)
const plain = stream(events).join(table(rows), join).to(out)
const application = name('service')

describe('an application that changes from exactly-once to at-least-once', () => {
  beforeAll(async () => {
    await createTopics(
      { brokers },
      { topic: events.name, partitions: 2 },
      { topic: rows.name, partitions: 2, config: { 'cleanup.policy': 'compact' } },
      { topic: out.name, partitions: 2 },
    )
  })

  it('is refused while events wait; then no event is lost, there and back', async () => {
    await using log = kafkaLog({ brokers })
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    const rowsOf = (some: readonly string[]) => some.map((key) => ({ key, value: { row: key } }))
    await produce(log, rows, ...rowsOf(keys.slice(0, 15)))
    await produce(log, events, ...keys.map((key) => ({ key, value: { key } })))
    const emitted = async (pipeline: typeof plain, guarantee: 'exactly-once' | 'at-least-once', count: number) => {
      const app = await run(pipeline, { application, log, guarantee })
      await app.ready
      await expect.poll(async () => (await keysOut()).size, LIMIT).toBe(count)
      await app.close()
    }
    const keysOut = async () => new Set((await recordsOf(log, out.name)).map(({ key }) => String(key)))
    await emitted(waiting, 'exactly-once', 15)
    await expect(run(plain, { application, log, guarantee: 'at-least-once' })).rejects.toMatchObject({
      code: 'PIPELINE_CHANGED',
      message: expect.stringContaining(`(5 of pipeline ${events.name})`),
    })
    await produce(log, rows, ...rowsOf([...keys.slice(15), 'l']))
    await emitted(waiting, 'exactly-once', 20)
    await produce(log, events, { key: 'l', value: { key: 'l' } })
    await emitted(plain, 'at-least-once', 21)
    await emitted(waiting, 'exactly-once', 21)
  }, 60_000)
})
