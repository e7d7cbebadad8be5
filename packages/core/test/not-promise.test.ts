import { describe, expect, it } from 'vitest'
import { json, stream, table, text, topic } from '../src/index.js'
import { testDriver } from '../src/testing.js'

const events = topic('events', { key: text(), value: json<number>() })
const rows = topic('rows', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<unknown>() })
const dead = { onError: { deadLetter: 'dead' } } as const
// JavaScript, or a wrong type assertion, allows it
const refused = (): never => Promise.reject(new Error('nobody hears of it')) as never

describe('a function that returns a promise counts as one that threw', () => {
  it.each([
    ['mapValues', stream(events, dead).mapValues(refused).to(results)],
    [
      'mapValues before another step',
      stream(events, dead)
        .mapValues(refused)
        .mapValues(() => 1)
        .to(results),
    ],
    ['filter', stream(events, dead).filter(refused).to(results)],
    ['join', stream(events, dead).join(table(rows), refused).to(results)],
    [
      'ready',
      stream(events, dead)
        .join(table(rows), (event) => event, { wait: { atMost: '1m', ready: refused, otherwise: 'drop' } })
        .to(results),
    ],
  ])('%s', async (_, pipeline) => {
    await using driver = await testDriver(pipeline)
    await driver.produce(rows, { key: 'a', value: 1 }).catch(() => {}) // not every pipeline has the table
    await driver.produce(events, { key: 'a', value: 1 })
    expect(driver.metrics()).toMatchObject({ emitted: 0, deadLettered: { 'function-threw': 1 } })
  })
})
