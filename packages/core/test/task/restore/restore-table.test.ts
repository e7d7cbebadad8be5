import { expect, it } from 'vitest'
import { json, type Serde, stream, table, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

/** JSON, and how often it was decoded. */
function counted<T>(): { serde: Serde<T>; count: () => number } {
  const serde = json<T>()
  let decoded = 0
  return {
    serde: {
      ...serde,
      decode(bytes) {
        decoded++
        return serde.decode(bytes)
      },
    },
    count: () => decoded,
  }
}

const events = topic('events', { key: text(), value: json<{ n: number }>() })
const results = topic('results', { key: text(), value: json<{ n: number; id: string }>() })
const raw = topic('rows', { key: text(), value: text() })

function setUp() {
  const { serde, count } = counted<{ id: string }>()
  const rows = topic('rows', { key: text(), value: serde })
  const pipeline = stream(events)
    .join(table(rows, { onError: { deadLetter: 'dead' } }), ({ n }, { id }) => ({ n, id }))
    .to(results)
  return { rows, pipeline, count }
}

it('rows are not decoded when they are restored: each of them was when it came', async () => {
  const { rows, pipeline, count } = setUp()
  await using driver = await testDriver(pipeline)
  await driver.produce(rows, ...['a', 'b', 'c'].map((key) => ({ key, value: { id: key } })))
  const before = count()
  await driver.restart('crash')
  expect(count()).toBe(before)
  await driver.produce(events, { key: 'b', value: { n: 1 } })
  expect(driver.consume(results).map(({ value }) => value)).toEqual([{ n: 1, id: 'b' }])
  expect(count()).toBe(before + 1)
})

it.each(['clean', 'crash'] as const)('a record that was set aside is no row after a %s restart either', async (how) => {
  const { rows, pipeline } = setUp()
  await using driver = await testDriver(pipeline)
  await driver.produce(rows, { key: 'a', value: { id: 'first' } })
  await driver.produce(raw, { key: 'a', value: '{' }, { key: 'b', value: '{' })
  for (let restarts = 0; restarts < 3; restarts++) {
    await driver.restart(how) // the count of what was skipped is kept over each
    await driver.produce(events, { key: 'a', value: { n: restarts } }, { key: 'b', value: { n: restarts } })
    expect(driver.consume(results).map(({ value }) => value)).toEqual([{ n: restarts, id: 'first' }])
  }
  expect(driver.metrics().dropped).toEqual({ 'no-row': 3 })
})

it('a row that was deleted stays deleted after a restart, also if another record was set aside', async () => {
  const { rows, pipeline } = setUp()
  await using driver = await testDriver(pipeline)
  await driver.produce(rows, { key: 'a', value: { id: 'first' } }, { key: 'b', value: { id: 'second' } })
  await driver.produce(raw, { key: 'b', value: '{' })
  await driver.produce(rows, { key: 'a', value: null })
  await driver.restart('crash')
  await driver.produce(events, { key: 'a', value: { n: 1 } }, { key: 'b', value: { n: 2 } })
  expect(driver.consume(results).map(({ value }) => value)).toEqual([{ n: 2, id: 'second' }])
})
