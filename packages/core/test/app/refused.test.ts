import { describe, expect, it } from 'vitest'
import { deadLetterInfo, memoryLog, type NewRecord, stream, table, text, topic } from '../../src/index.js'
import { type CommitFault, faultyLog, testDriver } from '../../src/testing.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const results = topic('results', serdes)
const dead = topic('dead', serdes)
const compacted = { rows: { cleanup: 'compact' } } as const

const halting = stream(events)
  .leftJoin(table(rows), (value, row) => `${value}+${row}`)
  .to(results)
const joined = stream(events, { onError: { deadLetter: dead.name } })
  .leftJoin(table(rows), (value, row) => `${value}+${row}`)
  .to(results)
const waiting = stream(events, { onError: { deadLetter: dead.name } })
  .join(table(rows), (value, row) => `${value}+${row}`, {
    wait: { atMost: '1h', otherwise: { deadLetter: dead.name } },
  })
  .to(results)

const BAD = 'no odd values'
const isBad = ({ topic, value }: NewRecord) => topic === results.name && /^bad/.test(String(value))
const refuseBad = (record: NewRecord) => (isBad(record) ? BAD : undefined)

interface World {
  readonly pipeline?: typeof joined
  readonly refuse?: (record: NewRecord) => string | undefined
  readonly guarantee?: 'exactly-once' | 'at-least-once'
  readonly commit?: (call: number) => CommitFault | undefined
}

const driverOf = ({ pipeline = joined, refuse = refuseBad, guarantee = 'exactly-once', commit }: World) =>
  testDriver(pipeline, {
    guarantee,
    log: (clock) => faultyLog(memoryLog({ clock, topics: compacted }), { refuse, ...(commit && { commit }) }),
  })

describe('a result that the log refuses for good', () => {
  it.each(['exactly-once', 'at-least-once'] as const)(
    'is dead-lettered, and the others come out: %s',
    async (guarantee) => {
      await using driver = await driverOf({ guarantee })
      await driver.produce(events, ...['1', '2', 'bad 3', '4', 'bad 5'].map((value) => ({ key: value, value })))
      await driver.produce(events, { key: '6', value: '6' })
      expect(driver.consume(results).map(({ value }) => value)).toEqual(
        ['1', '2', '4', '6'].map((n) => `${n}+undefined`),
      )
      const letters = driver.consume(dead)
      expect(letters.map(({ key, value }) => [key, value])).toEqual([
        ['bad 3', 'bad 3'],
        ['bad 5', 'bad 5'],
      ])
      expect(deadLetterInfo(letters[0]?.headers ?? [])).toMatchObject({
        reason: 'refused',
        origin: { topic: 'events', partition: 0, offset: 2 },
        message: expect.stringMatching(
          /^RECORD_REFUSED: results does not accept a result: no odd values \(events\[0\] at offset 2\)/,
        ),
      })
      expect(driver.metrics()).toMatchObject({ in: 6, emitted: 4, deadLettered: { refused: 2 } })
    },
  )

  it('is found without a pause, even if each commit shows only one', async () => {
    let hasRefused = false
    await using driver = await driverOf({
      refuse: (record) => {
        if (hasRefused || !isBad(record)) return undefined
        hasRefused = true
        return BAD
      },
      commit: () => {
        hasRefused = false
        return undefined
      },
    })
    const before = driver.clock.now()
    await driver.produce(events, ...Array.from({ length: 8 }, (_, i) => ({ key: `${i}`, value: `bad ${i}` })))
    expect(driver.consume(dead)).toHaveLength(8)
    expect(driver.clock.now()).toBe(before)
  })

  it('of an event that waited is dead-lettered when its row arrives', async () => {
    await using driver = await driverOf({ pipeline: waiting })
    await driver.produce(events, { key: 'a', value: 'bad' }, { key: 'a', value: 'good' })
    await driver.produce(rows, { key: 'a', value: 'r' })
    expect(driver.consume(results).map(({ value }) => value)).toEqual(['good+r'])
    expect(driver.consume(dead).map(({ value }) => value)).toEqual(['bad'])
    expect(driver.metrics()).toMatchObject({ in: 2, emitted: 1, waiting: 0, deadLettered: { refused: 1 } })
  })

  it('halts the application at its event if onError says so, at each start', async () => {
    await using driver = await driverOf({ pipeline: halting })
    await driver.produce(events, { key: '1', value: '1' })
    const halted = expect.objectContaining({
      code: 'RECORD_REFUSED',
      topic: 'events',
      partition: 0,
      offset: 1,
      retriable: false,
      message: expect.stringContaining('onError: { deadLetter }'),
    })
    await expect(driver.produce(events, { key: '2', value: 'bad' })).rejects.toThrow(halted)
    await expect(driver.restart('crash')).rejects.toThrow(halted)
  })

  it('is dead-lettered once, however the commit of the dead letter fails', async () => {
    const faults: CommitFault[] = ['rejected', 'written', 'lost', 'fenced']
    for (const fault of faults) {
      let hasFailed = false
      const hasLetter = () => hasFailed
      await using driver = await driverOf({
        refuse: (record) => {
          if (isBad(record)) hasFailed = true
          return refuseBad(record)
        },
        // the first commit after the refusal contains the dead letter
        commit: () => {
          const isNext = hasLetter()
          hasFailed = false
          return isNext ? fault : undefined
        },
      })
      await driver.produce(events, { key: '1', value: 'bad' }, { key: '2', value: '2' })
      expect(driver.consume(dead).map(({ value }) => value)).toEqual(['bad'])
      expect(driver.consume(results).map(({ value }) => value)).toEqual(['2+undefined'])
    }
  })
})

describe('a dead letter that the log refuses for good', () => {
  const isOld = ({ topic, timestamp }: NewRecord) =>
    topic !== events.name && timestamp < 1_000 ? 'the timestamp is too old' : undefined

  it('gets the time of the log, in case its own is the reason', async () => {
    await using driver = await driverOf({ refuse: isOld })
    await driver.produce(events, { key: '1', value: '1', timestamp: 5 }, { key: '2', value: '2' })
    expect(driver.consume(results).map(({ value }) => value)).toEqual(['2+undefined'])
    expect(driver.consume(dead)).toMatchObject([{ key: '1', value: '1' }])
  })

  it('halts the application if that does not help', async () => {
    const refuse = ({ topic, value }: NewRecord) =>
      topic !== events.name && String(value).startsWith('bad') ? 'never' : undefined
    await using driver = await driverOf({ refuse })
    await expect(driver.produce(events, { key: '1', value: 'bad' })).rejects.toMatchObject({
      code: 'RECORD_REFUSED',
      topic: 'events',
      offset: 0,
      message: expect.stringContaining('dead does not accept a dead letter: never'),
    })
  })
})

describe('the timestamps of results', () => {
  const timesOf = async (timestamps?: 'event' | 'now') => {
    const pipeline = stream(events)
      .leftJoin(table(rows), (value) => value)
      .to(results, timestamps && { timestamps })
    await using driver = await testDriver(pipeline, { now: 50_000 })
    await driver.produce(events, { key: '1', value: '1', timestamp: 7 })
    await driver.advance('1s')
    await driver.produce(events, { key: '1', value: '2', timestamp: 8 })
    return driver.consume(results).map(({ timestamp }) => timestamp)
  }

  it('are those of their events', async () => {
    expect(await timesOf()).toEqual([7, 8])
    expect(await timesOf('event')).toEqual([7, 8])
  })

  it('are those of the log with timestamps: now', async () => {
    expect(await timesOf('now')).toEqual([50_000, 51_000])
  })

  it('of calls, too', async () => {
    const pipeline = stream(events)
      .callOnce(async (value) => value, { inDoubt: { deadLetter: 'in-doubt' } })
      .to(results, { timestamps: 'now' })
    await using driver = await testDriver(pipeline, { now: 50_000 })
    await driver.produce(events, { key: '1', value: '1', timestamp: 7 })
    expect(driver.consume(results).map(({ timestamp }) => timestamp)).toEqual([50_000])
  })

  it('have no other setting', async () => {
    const to = (options: object) =>
      stream(events)
        .leftJoin(table(rows), (value) => value)
        .to(results, options)
    await expect(testDriver(to({ timestamps: 'later' }))).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      problems: ["pipeline events: output results: timestamps is \"later\": use 'event' or 'now'"],
    })
    await expect(testDriver(to({ timestamp: 'now' }))).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      problems: [expect.stringContaining('pipeline events: output results: ')],
    })
  })
})
