import { describe, expect, it } from 'vitest'
import { type AppEvent, json, stream, table, text, topic } from '../../src/index.js'
import { testDriver } from '../../src/testing.js'
import { activations, DEAD, information, notifications, notify } from './activation.js'
import { TruncatableLog } from './truncatable-log.js'

const kept = topic('kept', { key: text(), value: json<{ id: string }>() })

async function world(pipeline = notify()) {
  let log: TruncatableLog | undefined
  const rebuilding: AppEvent[] = []
  const driver = await testDriver(pipeline, {
    log: (clock) => {
      log ??= new TruncatableLog(clock, [information.name])
      return log.log
    },
    onEvent: (event) => event.type === 'rebuilding' && rebuilding.push(event),
  })
  const rows = (...ids: readonly (readonly [key: string, id: string | null])[]) =>
    driver.produce(information, ...ids.map(([key, id]) => ({ key, value: id === null ? null : { id } })))
  const events = (...keys: readonly string[]) =>
    driver.produce(activations, ...keys.map((key, n) => ({ key, value: { n } })))
  const joined = () => driver.consume(notifications).map(({ key, value }) => `${key} ${value?.id}`)
  const truncate = (name: string, offset: number) => (log as TruncatableLog).truncate(name, offset)
  return { driver, log: () => log as TruncatableLog, rebuilding, rows, events, joined, truncate }
}

const REBUILT = { type: 'rebuilding', table: information.name, task: 0 }

describe('a table whose topic has lost its end', () => {
  it.each(['while it runs', 'while it is stopped'] as const)('is rebuilt from what is left: %s', async (when) => {
    const { driver, rebuilding, rows, events, joined, truncate } = await world()
    await using _ = driver
    await rows(['a', 'old'], ['b', 'old'], ['a', 'lost'], ['c', 'lost'])
    await events('a', 'b', 'c')
    expect(joined()).toEqual(['a lost', 'b old', 'c lost'])
    await truncate(information.name, 2)
    if (when === 'while it is stopped') await driver.restart('crash')
    await rows(['d', 'new'])
    await events('a', 'b', 'c', 'd')
    expect(joined()).toEqual(['a old', 'b old', 'd new'])
    expect(driver.metrics()).toMatchObject({ in: 7, emitted: 6, waiting: 1 })
    expect(rebuilding).toEqual([{ ...REBUILT, offset: 4 }])
    await driver.restart('crash')
    expect(rebuilding).toHaveLength(1)
  })

  it('is rebuilt, although it has grown to the same length again', async () => {
    const { driver, rebuilding, rows, events, joined, truncate } = await world()
    await using _ = driver
    await rows(['a', 'old'], ['b', 'lost'])
    await driver.restart('clean')
    await truncate(information.name, 1)
    await driver.restart('crash') // a topic that ends before the position
    expect(rebuilding).toHaveLength(1)
    await rows(['b', 'lost again'])
    await truncate(information.name, 1)
    await rows(['c', 'new'], ['d', 'new'])
    await driver.restart('crash')
    expect(rebuilding).toHaveLength(2)
    await events('a', 'b', 'c', 'd')
    expect(joined()).toEqual(['a old', 'c new', 'd new'])
  })

  it('wakes no event with a row that it has deleted since', async () => {
    const { driver, rows, events, joined, truncate } = await world()
    await using _ = driver
    await rows(['a', 'deleted'], ['b', 'kept'], ['a', null], ['c', 'lost'])
    await events('a')
    expect(driver.metrics()).toMatchObject({ waiting: 1 })
    await truncate(information.name, 3)
    await rows(['d', 'new'])
    await events('b')
    expect(joined()).toEqual(['b kept'])
    await rows(['a', 'new'])
    expect(joined()).toEqual(['a new'])
  })

  it('wakes the events whose rows are back', async () => {
    const { driver, rows, events, joined, truncate } = await world()
    await using _ = driver
    await rows(['a', 'first'], ['a', null])
    await events('a')
    await truncate(information.name, 1)
    await rows(['b', 'new'])
    expect(joined()).toEqual(['a first'])
  })

  it('is another topic, if it was created again', async () => {
    const { log, rows } = await world()
    await rows(['a', 'old'], ['b', 'old'])
    await log().recreate(information.name)
    await expect(rows(['c', 'new'])).rejects.toMatchObject({ code: 'TOPIC_RECREATED', topic: information.name })
  })
})

describe('a topic of events that has lost its end', () => {
  it.each(['while it runs', 'while it is stopped'] as const)('ends the application: %s', async (when) => {
    const { driver, rows, events, joined, truncate } = await world()
    await rows(['a', 'row'])
    await events('a', 'a', 'a')
    await truncate(activations.name, 1)
    if (when === 'while it is stopped') driver.restart('crash').catch(() => {}) // fails at once, or with the next record
    await expect(events('a', 'a', 'a', 'a')).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      topic: activations.name,
    })
    expect(joined()).toEqual(['a row', 'a row', 'a row'])
  })
})

it('a table whose rows the changelog keeps ends the application: its topic may not have all of them', async () => {
  const pipeline = stream(activations)
    .join(table(kept), ({ n }, { id }) => ({ n, id }))
    .to(notifications)
  const { driver, truncate } = await world(pipeline)
  await driver.produce(kept, { key: 'a', value: { id: '1' } }, { key: 'b', value: { id: '2' } })
  await truncate(kept.name, 1)
  const next = driver.produce(kept, { key: 'c', value: { id: '3' } })
  await expect(next).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', topic: kept.name })
})

it('dead letters of a rebuilt table are written again, because its records are processed again', async () => {
  const pipeline = stream(activations)
    .join(table(information, { onError: { deadLetter: DEAD } }), ({ n }, { id }) => ({ n, id }))
    .to(notifications)
  const { driver, rows, truncate } = await world(pipeline)
  await using _ = driver
  const dead = topic(DEAD, { key: text(), value: text() })
  const raw = topic(information.name, { key: text(), value: text() })
  await driver.produce(raw, { key: 'a', value: '{' })
  await rows(['b', 'lost'])
  expect(driver.consume(dead)).toHaveLength(1)
  await truncate(information.name, 1)
  await rows(['b', 'new'])
  expect(driver.consume(dead)).toHaveLength(1)
})
