import { type AppEvent, deadLetterInfo, produce, run, stream, table } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { OtherProducer } from './support/other-producer.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }

describe.skipIf(brokers.length === 0)('a transaction of another producer that stays open', () => {
  let name: (topic: string) => string
  let join: TestJoin

  beforeEach(async () => {
    name = unique()
    join = testJoin(name, { waits: false })
    const { activations, information, notifications, dead } = join
    const names = [activations.name, information.name, notifications.name, dead]
    await createTopics({ brokers }, ...names.map((topic) => ({ topic, partitions: 1 })))
  })

  const activation = (id: number, key = 'p') => ({ key, value: { id, productId: key } })

  it.each(['since before the start', 'while the application runs'] as const)(
    'in a stream, %s, is reported within 15 s, with the place and the command that ends it; what is behind it comes out after it',
    async (when) => {
      const { activations, information, pipeline } = join
      await using producer = new OtherProducer(brokers, name('other'))
      await using log = kafkaLog({ brokers })
      await produce(log, information, { key: 'p', value: { externalId: 'x' } })
      await produce(log, activations, activation(1))
      const begin = () => producer.begin({ topic: activations.name, ...activation(2) })
      const early = when === 'since before the start' ? await begin() : undefined
      const events: AppEvent[] = []
      const onEvent = (event: AppEvent) => void events.push(event)
      await using app = await run(pipeline, { application: name('service'), log, onEvent })
      const emitted = () => app.metrics().pipelines[activations.name]?.emitted
      await expect.poll(emitted, LIMIT).toBe(1)

      const open = early ?? (await begin())
      await produce(log, activations, activation(3))
      const command = `kafka-transactions.sh --bootstrap-server BROKERS abort --topic ${activations.name} --partition 0 --start-offset 1`
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
    },
    60_000,
  )

  it('in a table holds up only events that would expire, also after a restart, and is named; its rows are in time', async () => {
    const { activations, information, notifications, dead } = join
    const otherwise = { deadLetter: dead }
    const pipeline = stream(activations)
      .join(table(information), (event, { externalId }) => ({ ...event, externalId }), {
        wait: { atMost: '1s', otherwise },
      })
      .to(notifications)
    await using producer = new OtherProducer(brokers, name('other'))
    await using log = kafkaLog({ brokers })
    const start = () => run(pipeline, { application: name('service'), log })
    const outputs = async () => (await recordsOf(log, notifications.name)).map(({ key }) => String(key))
    const isNamed = expect.stringMatching(
      new RegExp(`cannot expire until ${information.name}\\[0\\] has been read .* is a producer's transaction open[?]`),
    )
    await produce(log, information, { key: 'p', value: { externalId: 'x' } })
    const first = await start()
    await first.ready
    const open = await producer.begin({
      topic: information.name,
      key: 'in the transaction',
      value: { externalId: 'y' },
    })
    await produce(log, activations, activation(1), activation(2, 'in the transaction'), activation(3, 'without a row'))
    await expect.poll(outputs, LIMIT).toEqual(['p'])
    await expect.poll(() => first.health().problems, LIMIT).toEqual([isNamed])
    await first.close()

    await using second = await start()
    await second.ready
    await produce(log, activations, activation(4))
    await expect.poll(outputs, LIMIT).toEqual(['p', 'p'])
    await expect.poll(() => second.health().problems, LIMIT).toEqual([isNamed])
    expect(second.metrics().pipelines[activations.name]).toMatchObject({ waiting: 2, deadLettered: {} })

    await open.commit()
    await expect
      .poll(() => second.metrics().pipelines[activations.name], LIMIT)
      .toMatchObject({ in: 4, emitted: 3, waiting: 0, deadLettered: { 'no-row': 1 } })
    expect(await outputs()).toEqual(['p', 'p', 'in the transaction'])
    const letters = await recordsOf(log, dead)
    expect(letters.map(({ key, headers }) => [String(key), deadLetterInfo(headers)?.reason])).toEqual([
      ['without a row', 'no-row'],
    ])
    expect(second.health().problems).toEqual([])
  }, 60_000)
})
