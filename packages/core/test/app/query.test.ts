import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import {
  type App,
  type JoineryError,
  type Log,
  memoryLog,
  memoryStores,
  run,
  type StateStores,
  stream,
  table,
  topic,
} from '../../src/index.js'
import { partitionFor } from '../../src/log/murmur2.js'
import { faultyStores, testDriver } from '../../src/testing.js'
import { Locations, sharedStores } from '../testing/shared-stores.js'
import { activations, information, notifications } from './activation.js'

const rows = table(information)
const pipeline = stream(activations)
  .join(rows, ({ n }, { id }) => ({ n, id }))
  .to(notifications)
const row = (key: string, id: string | null) => ({ key, value: id === null ? null : { id } })
const code = async (answer: Promise<unknown>) => answer.catch(({ code }: JoineryError) => code)
const coded = (what: string, more = {}) => expect.objectContaining({ code: what, ...more })

async function entriesOf(app: Pick<App, 'query'>): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for await (const [key, value] of app.query(rows).entries()) {
    expect(found).not.toHaveProperty(key)
    found[key] = value
  }
  return found
}

const STORES: readonly [string, () => StateStores][] = [
  ['in memory', () => memoryStores()],
  ['that answer later', () => sharedStores(new Locations(), 'place')],
]

describe.each(STORES)('a query of stores %s', (_, stores) => {
  it('answers the rows that are committed, and nothing for those that were deleted', async () => {
    await using driver = await testDriver(pipeline, { stores: stores(), partitions: 3 })
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`)
    await driver.produce(information, ...keys.map((key) => row(key, `id of ${key}`)))
    await driver.produce(information, row('key 3', null), row('key 4', 'another'), row('never', null))
    const expected = Object.fromEntries(keys.map((key) => [key, { id: key === 'key 4' ? 'another' : `id of ${key}` }]))
    delete expected['key 3']
    for (const how of ['clean', 'crash'] as const) {
      for (const key of [...keys, 'never', '']) expect(await driver.query(rows).get(key)).toEqual(expected[key])
      expect(await entriesOf(driver)).toEqual(expected)
      await driver.restart(how)
    }
  })

  it('answers rows that are kept in the changelog, too', async () => {
    const log = (clock: Parameters<NonNullable<Parameters<typeof testDriver>[1]>['log'] & object>[0]) =>
      memoryLog({ clock }) // the table's topic is not compacted
    await using driver = await testDriver(pipeline, { stores: stores(), log })
    await driver.produce(information, row('a', '1'), row('b', '2'), row('a', null))
    await driver.restart('crash')
    expect(await driver.query(rows).get('a')).toBeUndefined()
    expect(await entriesOf(driver)).toEqual({ b: { id: '2' } })
  })

  it('is of the partitions of this instance', async () => {
    const shared = stores()
    const log = memoryLog({ partitions: 4, topics: { information: { partitions: 4, cleanup: 'compact' } } })
    const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`)
    await produce(log, information, ...keys.map((key) => row(key, `id of ${key}`)))
    await using first = await run(pipeline, { application: 'a', log, stores: shared })
    await first.ready
    expect(Object.keys(await entriesOf(first)).sort()).toEqual([...keys].sort())
    await using second = await run(pipeline, { application: 'a', log, stores: shared })
    await expect.poll(() => [first, second].map((app) => app.health().ready)).toEqual([true, true])
    await expect.poll(() => [first, second].map((app) => app.metrics().gauges.tasks)).toEqual([2, 2])
    const [ofFirst, ofSecond] = [await entriesOf(first), await entriesOf(second)]
    expect([...Object.keys(ofFirst), ...Object.keys(ofSecond)].sort()).toEqual([...keys].sort())
    for (const key of keys) {
      const [here, there] = key in ofFirst ? [first, second] : [second, first]
      expect(await here.query(rows).get(key)).toEqual({ id: `id of ${key}` })
      await expect(there.query(rows).get(key)).rejects.toThrow(
        coded('KEY_ELSEWHERE', { topic: 'information', partition: expect.any(Number), retriable: false }),
      )
    }
  })

  it('is refused until the table was read to its end', async () => {
    const ownedTasks = holdingEnds(memoryLog({ topics: { information: { cleanup: 'compact' } } }))
    await produce(ownedTasks.log, information, row('a', '1'))
    await using app = await run(pipeline, { application: 'a', log: ownedTasks.log, stores: stores() })
    const view = app.query(rows)
    await expect.poll(() => app.metrics().gauges.bufferedRecords).toBeDefined()
    for (const key of ['a', 'b'])
      await expect(view.get(key)).rejects.toThrow(
        coded('STORE_RESTORING', { topic: 'information', partition: 0, retriable: true }),
      )
    await expect(entriesOf(app)).rejects.toThrow(coded('STORE_RESTORING'))
    ownedTasks.release()
    await app.ready
    expect(await view.get('a')).toEqual({ id: '1' })
    expect(await view.get('b')).toBeUndefined()
    expect(await entriesOf(app)).toEqual({ a: { id: '1' } })
  })
})

/** Ends of tables are told when they are released. */
function holdingEnds(log: Log<'exactly-once'>) {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const source: typeof log.source = {
    ...log.source,
    async endOffset(at, kind) {
      if (at.topic === information.name) await released
      return log.source.endOffset(at, kind)
    },
  }
  return { log: { ...log, source }, release }
}

describe('a query of rows that another partitioner has written', () => {
  const PARTITIONS = 3
  const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`)
  /** Puts a key into the partition after that of murmur2, as if by librdkafka. */
  const partitionOf = (key: string) => (partitionFor(Buffer.from(key), PARTITIONS) + 1) % PARTITIONS

  async function withRows(written = keys) {
    const log = memoryLog({ partitions: PARTITIONS, topics: { information: { cleanup: 'compact' } } })
    const value = (key: string) => Buffer.from(JSON.stringify({ id: key }))
    await log.sink.append(
      written.map((key) => ({
        topic: information.name,
        partition: partitionOf(key),
        key: Buffer.from(key),
        value: value(key),
        timestamp: 1,
        headers: [],
      })),
    )
    return log
  }
  const started = async (log: Log<'exactly-once'>) => {
    const app = await run(pipeline, { application: 'a', log })
    await app.ready
    return app
  }

  it('finds them in whatever partition they are, and knows that others do not exist', async () => {
    await using app = await started(await withRows())
    for (const key of keys) expect(await app.query(rows).get(key)).toEqual({ id: key })
    expect(await app.query(rows).get('another')).toBeUndefined()
  })

  it('finds those of this instance, and reports of others that it cannot know', async () => {
    const log = await withRows()
    await using first = await started(log)
    await using second = await started(log)
    await expect.poll(() => first.metrics().gauges.tasks).toBeLessThan(PARTITIONS)
    await expect.poll(() => first.health().ready && second.health().ready).toBe(true)
    const found = { first: 0, second: 0 }
    for (const key of keys) {
      const [one, two] = await Promise.all([code(first.query(rows).get(key)), code(second.query(rows).get(key))])
      if (one !== 'KEY_ELSEWHERE') found.first++
      if (two !== 'KEY_ELSEWHERE') found.second++
      expect([one, two]).toEqual(expect.arrayContaining([{ id: key }, 'KEY_ELSEWHERE']))
    }
    expect(found.first + found.second).toBe(keys.length)
    for (const app of [first, second]) expect(await code(app.query(rows).get('another'))).toBe('KEY_ELSEWHERE')
  })
})

describe('a query for a row that no partition of this instance has', () => {
  const PARTITIONS = 4
  const at = (key: string, partition: number) => ({
    ...{ topic: information.name, partition, key: Buffer.from(key), timestamp: 1, headers: [] },
    value: Buffer.from(JSON.stringify({ id: key })),
  })
  const homeOf = (key: string) => partitionFor(Buffer.from(key), PARTITIONS)
  const keysOf = (partition: number) =>
    Array.from({ length: 200 }, (_, i) => `key ${i}`).filter((key) => homeOf(key) === partition)

  /** Two instances of two partitions each, and the key of a partition that the first has. */
  async function two(
    records: (ofFirst: readonly number[], ofSecond: readonly number[]) => readonly ReturnType<typeof at>[],
  ) {
    const log = memoryLog({ partitions: PARTITIONS, topics: { information: { cleanup: 'compact' } } })
    const first = await run(pipeline, { application: 'a', log })
    await first.ready
    const second = await run(pipeline, { application: 'a', log })
    await expect.poll(() => [first, second].map((app) => app.metrics().gauges.tasks)).toEqual([2, 2])
    await expect.poll(() => [first, second].map((app) => app.health().ready)).toEqual([true, true])
    const tasksOf = (app: App) => Object.keys(app.metrics().tasks.activation ?? {}).map(Number)
    const appended = records(tasksOf(first), tasksOf(second))
    await log.sink.append(appended)
    const bytes = appended.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    const stored = () =>
      [first, second].reduce((sum, app) => sum + (app.metrics().tables.information?.storedBytes ?? 0), 0)
    await expect.poll(stored).toBe(bytes)
    const close = () => Promise.all([first.close(), second.close()])
    return { first, close }
  }

  it('fails if there are few rows, and another partitioner has put them elsewhere', async () => {
    let wanted = ''
    const { first, close } = await two(([mine], [theirs]) => {
      wanted = keysOf(mine as number)[0] as string
      // the first instance has one row, where murmur2 puts it; the wanted one is in a partition of the second
      return [at(keysOf(mine as number)[1] as string, mine as number), at(wanted, theirs as number)]
    })
    await expect(first.query(rows).get(wanted)).rejects.toThrow(
      coded('KEY_ELSEWHERE', { message: expect.stringContaining('too few of its keys are known here') }),
    )
    await close()
  })

  it('fails if any partition has a row that murmur2 would not have put there, though that of the key has none', async () => {
    let wanted = ''
    const { first, close } = await two(([mine, mineToo], [theirs]) => {
      const [key, ...others] = keysOf(mine as number)
      wanted = key as string
      return [
        at(wanted, theirs as number),
        ...others.slice(0, 30).map((other) => at(other, mine as number)),
        at(keysOf(theirs as number)[0] as string, mineToo as number),
      ]
    })
    await expect(first.query(rows).get(wanted)).rejects.toThrow(
      coded('KEY_ELSEWHERE', { message: expect.stringContaining('keys that murmur2 assigns to other partitions') }),
    )
    await close()
  })

  it('finds none if enough keys show that murmur2 chooses the partitions', async () => {
    let wanted = ''
    const { first, close } = await two(([mine, mineToo]) => {
      const [key, ...others] = keysOf(mine as number)
      wanted = key as string
      return [
        ...others.slice(0, 10).map((other) => at(other, mine as number)),
        ...keysOf(mineToo as number)
          .slice(0, 10)
          .map((other) => at(other, mineToo as number)),
      ]
    })
    expect(await first.query(rows).get(wanted)).toBeUndefined()
    await close()
  })

  it('finds none if enough keys were read that were deleted since', async () => {
    let wanted = ''
    const deleted: string[] = []
    const log = memoryLog({ partitions: PARTITIONS, topics: { information: { cleanup: 'compact' } } })
    for (let partition = 0; partition < PARTITIONS; partition++) deleted.push(...keysOf(partition).slice(0, 20))
    await produce(log, information, ...deleted.map((key) => row(key, null)))
    await using first = await run(pipeline, { application: 'a', log })
    await first.ready
    await using second = await run(pipeline, { application: 'a', log })
    await expect.poll(() => [first, second].map((app) => app.metrics().gauges.tasks)).toEqual([2, 2])
    await expect.poll(() => [first, second].map((app) => app.health().ready)).toEqual([true, true])
    const [mine] = Object.keys(first.metrics().tasks.activation ?? {}).map(Number)
    wanted = keysOf(mine as number)[0] as string
    expect(await first.query(rows).get(wanted)).toBeUndefined()
  })
})

describe('a query', () => {
  it('is refused before the group has assigned anything', async () => {
    const log = memoryLog()
    const { join } = log.group
    let assign = () => {}
    const late: typeof log = {
      ...log,
      group: {
        join: (group, topics, member) =>
          join.call(log.group, group, topics, {
            assigned: (tasks) => {
              assign = () => member.assigned(tasks)
            },
            revoked: (tasks) => member.revoked(tasks),
            lost: () => member.lost(),
            ownedTasks: () => member.ownedTasks(),
            failed: (error) => member.failed(error),
          }),
      },
    }
    await using app = await run(pipeline, { application: 'a', log: late })
    expect(await code(app.query(rows).get('a'))).toBe('STORE_RESTORING')
    expect(await code(entriesOf(app))).toBe('STORE_RESTORING')
    assign()
    await app.ready
    expect(await app.query(rows).get('a')).toBeUndefined()
    expect(await entriesOf(app)).toEqual({})
  })

  it('says so when its store fails, and answers the next time', async () => {
    const stores = faultyStores(memoryStores(), { getMany: (call) => call === 1 })
    await using driver = await testDriver(pipeline, { stores })
    await driver.produce(information, row('a', '1'))
    await expect(driver.query(rows).get('a')).rejects.toThrow(coded('STORE_FAILED', { retriable: true }))
    expect(await driver.query(rows).get('a')).toEqual({ id: '1' })
  })

  it('is refused when the application has ended', async () => {
    const app = await run(pipeline, { application: 'a', log: memoryLog() })
    await app.ready
    const view = app.query(rows)
    await app.close()
    expect(await code(view.get('a'))).toBe('APP_CLOSED')
    expect(await code(entriesOf(app))).toBe('APP_CLOSED')
  })

  it('is refused for a table that no pipeline joins, and for keys that cannot be written', async () => {
    await using driver = await testDriver(pipeline)
    expect(() => driver.query(table(information.named('other')))).toThrow(coded('OPTION_INVALID'))
    const { encode: _, ...decoder } = information.key
    const readOnly = table({ ...topic(information.name, information), key: decoder })
    expect(await code(driver.query(readOnly).get('a'))).toBe('OPTION_INVALID')
  })
})
