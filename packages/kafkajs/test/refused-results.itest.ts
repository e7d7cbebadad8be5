import { deadLetterInfo, json, run, stream, table, text, topic } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 30_000, interval: 20 }
const GOOD = 300
const BAD_AT = 150
const DAY_MS = 86_400_000

/** Settings of the output with which brokers refuse the result of an event, and that event. */
const CASES = [
  {
    what: 'older than the topic allows',
    config: { 'message.timestamp.before.max.ms': 3_600_000 },
    bad: { key: Buffer.from('bad'), timestamp: Date.now() - 2 * DAY_MS },
  },
  { what: 'without a key in a compacted topic', config: { 'cleanup.policy': 'compact' }, bad: { key: null } },
] as const

describe('a result that brokers refuse for good', () => {
  let name: (topic: string) => string
  beforeEach(() => {
    name = unique()
  })

  const world = async (config: Readonly<Record<string, string | number>>) => {
    const serdes = { key: text(), value: json<{ readonly n: number }>() }
    const events = topic(name('event'), serdes)
    const rows = topic(name('row'), serdes)
    const results = topic(name('result'), serdes)
    const dead = name('dead')
    await createTopics(
      { brokers },
      { topic: events.name, partitions: 2 },
      { topic: rows.name, partitions: 2, config: { 'cleanup.policy': 'compact' } },
      { topic: results.name, partitions: 2, config },
      { topic: dead, partitions: 1 },
    )
    const pipeline = (onError: 'halt' | { deadLetter: string }) =>
      stream(events, { onError })
        .leftJoin(table(rows), ({ n }) => ({ n }))
        .to(results)
    return { events, results, dead, pipeline, application: name('service') }
  }
  const event = (topic: string, n: number, rest: object = {}) => ({
    topic,
    key: Buffer.from(`k${n}`),
    value: Buffer.from(JSON.stringify({ n })),
    timestamp: Date.now(),
    headers: [],
    ...rest,
  })

  it.each(
    CASES.flatMap((each) => (['exactly-once', 'at-least-once'] as const).map((guarantee) => ({ ...each, guarantee }))),
  )(
    '$what is dead-lettered, and all others come out: $guarantee',
    async ({ config, bad, guarantee }) => {
      const { events, results, dead, pipeline, application } = await world(config)
      await using log = kafkaLog({ brokers })
      const records = Array.from({ length: GOOD }, (_, n) => event(events.name, n))
      records.splice(BAD_AT, 0, event(events.name, -1, { partition: 0, ...bad }))
      await log.sink.append(records)
      await using app = await run(pipeline({ deadLetter: dead }), { application, log, guarantee })
      await expect.poll(() => app.metrics().pipelines[events.name]?.in, LIMIT).toBe(GOOD + 1)
      expect(app.metrics().pipelines[events.name]).toMatchObject({ emitted: GOOD, deadLettered: { refused: 1 } })

      const found = (await recordsOf(log, results.name)).map(({ value }) => results.value.decode(value as Uint8Array).n)
      const distinct = [...new Set(found)].toSorted((a, b) => a - b)
      expect(distinct).toEqual(Array.from({ length: GOOD }, (_, n) => n))
      if (guarantee === 'exactly-once') expect(found.length).toBe(GOOD)
      const letters = await recordsOf(log, dead)
      expect(letters.map(({ key }) => key)).toEqual([bad.key])
      expect(deadLetterInfo(letters[0]?.headers ?? [])).toMatchObject({
        reason: 'refused',
        origin: { topic: events.name, partition: 0 },
        message: expect.stringContaining(`RECORD_REFUSED: ${results.name} does not accept a result: `),
      })
      expect(app.health()).toMatchObject({ state: 'running', problems: [] })
    },
    60_000,
  )

  it.each(CASES)(
    '$what halts the application if onError says so',
    async ({ config, bad }) => {
      const { events, pipeline, application } = await world(config)
      await using log = kafkaLog({ brokers })
      await log.sink.append([event(events.name, -1, { partition: 1, ...bad })])
      const app = await run(pipeline('halt'), { application, log })
      await expect(app.closed).rejects.toMatchObject({
        code: 'RECORD_REFUSED',
        retriable: false,
        topic: events.name,
        partition: 1,
        offset: 0,
      })
    },
    60_000,
  )

  it('for its time, and whose dead letter is refused, too: the dead letter gets the time of the log', async () => {
    const { config, bad } = CASES[0]
    const { events, pipeline, application } = await world(config)
    const strict = name('strict')
    await createTopics({ brokers }, { topic: strict, partitions: 1, config })
    await using log = kafkaLog({ brokers })
    const began = Date.now()
    await log.sink.append([event(events.name, -1, { partition: 1, ...bad })])
    await using app = await run(pipeline({ deadLetter: strict }), { application, log })
    await expect
      .poll(() => app.metrics().pipelines[events.name], LIMIT)
      .toMatchObject({ in: 1, deadLettered: { refused: 1 } })
    const letters = await recordsOf(log, strict)
    expect(letters).toMatchObject([{ key: bad.key, value: Buffer.from('{"n":-1}') }])
    expect(letters[0]?.timestamp).toBeGreaterThanOrEqual(began)
  }, 60_000)

  it('for its key, and whose dead letter is refused, too: the application ends with the event, until the topic is another', async () => {
    const { config, bad } = CASES[1]
    const { events, dead, pipeline, application } = await world(config)
    const compacted = name('compacted')
    await createTopics({ brokers }, { topic: compacted, partitions: 1, config })
    await using log = kafkaLog({ brokers })
    await log.sink.append([event(events.name, -1, { partition: 1, ...bad })])
    const app = await run(pipeline({ deadLetter: compacted }), { application, log })
    await expect(app.closed).rejects.toMatchObject({
      ...{ code: 'RECORD_REFUSED', retriable: false, topic: events.name, partition: 1, offset: 0 },
      message: expect.stringContaining(compacted),
    })
    await using cured = await run(pipeline({ deadLetter: dead }), { application, log })
    await expect
      .poll(() => cured.metrics().pipelines[events.name], LIMIT)
      .toMatchObject({ in: 1, deadLettered: { refused: 1 } })
  }, 60_000)

  it('is named by produce', async () => {
    const { results } = await world(CASES[0].config)
    await using log = kafkaLog({ brokers })
    const timestamp = Date.now() - 2 * DAY_MS
    await expect(log.sink.append([event(results.name, 1, { timestamp, partition: 0 })])).rejects.toMatchObject({
      code: 'RECORD_REFUSED',
      topic: results.name,
      partition: 0,
      refused: [{ topic: results.name, partition: 0, headers: [] }],
    })
  }, 60_000)
})
