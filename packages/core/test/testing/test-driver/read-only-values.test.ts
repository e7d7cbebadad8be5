import { describe, expect, it } from 'vitest'
import { json, stream, table, text, topic } from '../../../src/index.js'
import { testDriver } from '../../../src/testing.js'

interface Value {
  n?: number
  secret?: string
  items?: string[]
}
const serdes = { key: text(), value: json<Value>() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const out = topic('out', serdes)
const letters = { onError: { deadLetter: 'dead' } }

const JOINERS: Readonly<Record<string, (event: Value, row: Value) => Value>> = {
  'Object.assign(row, event)': (event, row) => Object.assign(row, event),
  'delete row.secret': (event, row) => {
    delete row.secret
    return event
  },
  'row.n = 1': (event, row) => {
    row.n = 1
    return { ...event, ...row }
  },
  'row.items.push()': (_, row) => {
    row.items?.push('x')
    return row
  },
  'row.items.sort()': (_, row) => ({ items: row.items?.sort() ?? [] }),
  'event.n = 2': (event) => {
    event.n = 2
    return event
  },
}

describe('the test driver reports a function that changes what it was given:', () => {
  it.each(Object.entries(JOINERS))('%s', async (_, joiner) => {
    for (const options of [{}, letters]) {
      await using driver = await testDriver(stream(events, options).join(table(rows), joiner).to(out))
      await driver.produce(rows, { key: 'k', value: { secret: 's', items: ['b', 'a'] } })
      await expect(driver.produce(events, { key: 'k', value: { n: 1 } })).rejects.toMatchObject({
        code: 'FUNCTION_THREW',
        topic: 'rows',
        message: expect.stringContaining(
          'the joiner of join rows changed the row of table rows, or the event of stream events, with the key "k": rows are shared with later events, so return a new object instead (',
        ),
      })
    }
  })

  it('a function before a join, and wait.ready', async () => {
    const change = (value: Value) => {
      value.n = 1
      return true
    }
    const chain = stream(events)
    const pipelines = [
      chain.filter(change).to(out),
      chain.mapValues((value) => ({ changed: change(value) })).to(topic('out', { key: text(), value: json<object>() })),
      chain.join(table(rows), (event) => event, { wait: { atMost: '1m', otherwise: 'drop', ready: change } }).to(out),
    ]
    const names = ['the function of filter', 'the function of mapValues', 'wait.ready of join rows']
    for (const [i, pipeline] of pipelines.entries()) {
      await using driver = await testDriver(pipeline)
      if (i === 2) await driver.produce(rows, { key: 'k', value: {} })
      await expect(driver.produce(events, { key: 'k', value: {} })).rejects.toMatchObject({
        message: expect.stringMatching(new RegExp(`FUNCTION_THREW: ${names[i]} changed .*event of stream events`)),
      })
    }
  })
})

describe('the test driver does not report', () => {
  it('a function that changes what it has made, or a copy', async () => {
    const pipeline = stream(events)
      .mapValues((event) => ({ ...event, items: [...(event.items ?? [])] }))
      .join(table(rows), (made, row) => Object.assign(made, structuredClone(row)))
      .to(out)
    await using driver = await testDriver(pipeline)
    await driver.produce(rows, { key: 'k', value: { secret: 's' } })
    await driver.produce(events, { key: 'k', value: { items: ['a'] } })
    expect(driver.consume(out).map(({ value }) => value)).toEqual([{ secret: 's', items: ['a'] }])
  })

  it('rows that a query or a test has read, and changes', async () => {
    const information = table(rows)
    await using driver = await testDriver(
      stream(events)
        .join(information, (event, row) => ({ ...event, ...row }))
        .to(out),
    )
    await driver.produce(rows, { key: 'k', value: { items: [] } })
    const row = await driver.query(information).get('k')
    row?.items?.push('x')
    await driver.produce(events, { key: 'k', value: {} })
    expect(driver.consume(out)).toMatchObject([{ value: { items: [] } }])
  })

  it('values of classes, such as dates and those of a serde', async () => {
    class Counter {
      n = 0
      count() {
        return ++this.n
      }
    }
    const counters = topic('rows', {
      key: text(),
      value: { ...text(), decode: () => new Counter(), encode: () => Buffer.from('c') },
    })
    const pipeline = stream(events)
      .join(table(counters), (_, counter) => ({ n: counter.count() }))
      .to(out)
    await using driver = await testDriver(pipeline)
    await driver.produce(counters, { key: 'k', value: new Counter() })
    await driver.produce(events, { key: 'k', value: {} })
    expect(driver.consume(out)).toMatchObject([{ value: { n: 1 } }])
  })
})
