import { describe, expect, it } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { produce } from '../../../src/app/produce.js'
import { json, memoryLog, run, stream, text, topic } from '../../../src/index.js'
import { type Batch, partitionFor } from '../../../src/log.js'
import { batchesOf, keyValueOffset, newRecord, recordsOf, settle } from '../records.js'

const coded = (code: string) => expect.objectContaining({ name: 'JoineryError', code })

describe('topics of an in-memory log', () => {
  it('are created on first use, with the partition count of the log or their own', async () => {
    const { source } = memoryLog({ partitions: 3, topics: { rows: { partitions: 2, cleanup: 'compact' } } })
    const infos = await source.describe(['events', 'rows', 'events'])
    expect(infos).toMatchObject([
      { topic: 'events', partitions: 3, cleanup: 'delete' },
      { topic: 'rows', partitions: 2, cleanup: 'compact' },
      { topic: 'events', partitions: 3 },
    ])
    expect(infos[0]?.id).toBe(infos[2]?.id)
    expect(infos[0]?.id).not.toBe(infos[1]?.id)
  })

  it('have ids that differ from those of equal names in another log', async () => {
    const [one] = await memoryLog().source.describe(['events'])
    const [other] = await memoryLog().source.describe(['events'])
    expect(one?.id).not.toBe(other?.id)
  })

  it.each([{ partitions: 0 }, { partitions: 1.5 }, { retain: { records: 0 } }, { retain: { records: -1 } }])(
    'cannot be created with %j',
    (options) => {
      expect(() => memoryLog(options)).toThrow(coded('OPTION_INVALID'))
    },
  )

  it.each([{ topics: { a: { partitions: 0 } } }, { topics: { a: { partitions: 2.5 } } }])(
    'cannot be created with %j for one of them',
    (options) => {
      expect(() => memoryLog(options)).toThrow(coded('OPTION_INVALID'))
    },
  )

  it('reject partitions that do not exist', async () => {
    const { source, sink } = memoryLog({ partitions: 2 })
    await expect(source.endOffset({ topic: 't', partition: 2 }, 'last-stable-offset')).rejects.toThrow(
      coded('OPTION_INVALID'),
    )
    await expect(sink.append([newRecord('t', 'k', 'v', 2)])).rejects.toThrow(coded('OPTION_INVALID'))
  })
})

describe('appending', () => {
  it('keeps the order within a partition, and all parts of a record', async () => {
    const { source, sink } = memoryLog()
    const headers = [
      ['h', null],
      ['h', Buffer.from([255])],
    ] as const
    await sink.append([{ ...newRecord('t', 'a', '1'), headers, timestamp: -5 }, newRecord('t', null, null)])
    await sink.append([newRecord('t', 'a', '2')])
    const records = await recordsOf(source, 't')
    expect(records.map(keyValueOffset)).toEqual([
      ['a', '1', 0],
      [undefined, undefined, 1],
      ['a', '2', 2],
    ])
    expect(records[0]).toMatchObject({ topic: 't', partition: 0, timestamp: -5, headers })
  })

  it('determines the partition with murmur2 of the key, as the Java client does, unless it is given', async () => {
    const { source, sink } = memoryLog({ partitions: 4 })
    await sink.append([newRecord('t', 'foobar', 'by key'), newRecord('t', 'foobar', 'given', 0)])
    const partition = (-790332482 & 0x7fffffff) % 4 // murmur2 of foobar in Kafka's own tests
    expect(partitionFor(Buffer.from('foobar'), 4)).toBe(partition)
    expect((await recordsOf(source, 't', partition)).map(({ value }) => String(value))).toEqual(['by key'])
    expect((await recordsOf(source, 't', 0)).map(({ value }) => String(value))).toEqual(['given'])
  })

  it('appends nothing if the partition of one record does not exist', async () => {
    const { source, sink } = memoryLog({ partitions: 2 })
    await expect(sink.append([newRecord('t', 'k', 'v', 0), newRecord('t', 'k', 'v', 9)])).rejects.toThrow()
    expect(await source.endOffset({ topic: 't', partition: 0 }, 'high-watermark')).toBe(0)
  })
})

describe('reading', () => {
  it('begins at the requested offset, and returns the next one', async () => {
    const { source, sink } = memoryLog()
    await sink.append(['0', '1', '2'].map((value) => newRecord('t', 'k', value)))
    const batches = await batchesOf(source, 't', 0, 1)
    expect(batches.flatMap(({ records }) => records).map(({ value }) => String(value))).toEqual(['1', '2'])
    expect(batches.at(-1)).toMatchObject({ next: 3, end: 3 })
  })

  it('yields an empty batch at the end of a log, then waits for more', async () => {
    const { source, sink } = memoryLog()
    const stop = new AbortController()
    const reader = source.read({ topic: 't', partition: 0, offset: 0 }, stop.signal)[Symbol.asyncIterator]()
    expect((await reader.next()).value).toEqual({ records: [], next: 0, end: 0 })
    let arrived: Batch | undefined
    const more = reader.next().then(({ value }) => {
      arrived = value
    })
    await settle()
    expect(arrived).toBeUndefined()
    await sink.append([newRecord('t', 'k', 'v')])
    await more
    expect(arrived).toMatchObject({ next: 1, end: 1, records: [{ offset: 0 }] })
    const last = reader.next()
    stop.abort()
    expect((await last).done).toBe(true)
  })

  it('ends without an error if its signal is already aborted', async () => {
    const { source } = memoryLog()
    const reader = source.read({ topic: 't', partition: 0, offset: 0 }, AbortSignal.abort())[Symbol.asyncIterator]()
    expect((await reader.next()).done).toBe(true)
  })

  it('yields batches of bounded size', async () => {
    const { source, sink } = memoryLog()
    const big = 'x'.repeat(600_000)
    await sink.append(Array.from({ length: 6 }, () => newRecord('big', 'k', big)))
    await sink.append(Array.from({ length: 2_500 }, (_, i) => newRecord('many', 'k', String(i))))
    for (const { records } of await batchesOf(source, 'big')) expect(records.length).toBeLessThanOrEqual(2)
    const batches = await batchesOf(source, 'many')
    for (const { records } of batches) expect(records.length).toBeLessThanOrEqual(1_000)
    expect(batches.reduce((sum, { records }) => sum + records.length, 0)).toBe(2_500)
    expect(batches[0]?.next).toBe(batches[1]?.records[0]?.offset)
  })

  it.each([-1, 2])('rejects offset %i, which is not in the log', async (offset) => {
    const { source, sink } = memoryLog()
    await sink.append([newRecord('t', 'k', 'v')])
    const reader = source
      .read({ topic: 't', partition: 0, offset }, new AbortController().signal)
      [Symbol.asyncIterator]()
    await expect(reader.next()).rejects.toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE', topic: 't', partition: 0, offset }),
    )
  })
})

describe('compaction', () => {
  const log = () => memoryLog({ topics: { rows: { cleanup: 'compact' } } })

  it('keeps the latest record for each key at its offset, tombstones included', async () => {
    const { source, sink } = log()
    await sink.append([newRecord('rows', 'old', '1'), newRecord('rows', 'gone', '1'), newRecord('rows', 'gone', null)])
    for (let i = 0; i < 20; i++)
      await sink.append(Array.from({ length: 1_000 }, (_, at) => newRecord('rows', 'hot', `${i}/${at}`)))
    const records = await recordsOf(source, 'rows')
    expect(records.length).toBeLessThan(20_000)
    expect(records.slice(0, 2).map(keyValueOffset)).toEqual([
      ['old', '1', 0],
      ['gone', undefined, 2],
    ])
    expect(records.at(-1)?.offset).toBe(20_002)
    expect(records.map(({ offset }) => offset)).toEqual([...records.map(({ offset }) => offset)].sort((a, b) => a - b))
    expect(await source.earliestOffset({ topic: 'rows', partition: 0 })).toBe(0)
  })

  it('lets a reader resume at an offset whose record was removed', async () => {
    const { source, sink } = log()
    for (let i = 0; i < 20; i++)
      await sink.append(Array.from({ length: 1_000 }, () => newRecord('rows', 'hot', String(i))))
    const [record] = await recordsOf(source, 'rows', 0, 1)
    expect(record?.offset).toBeGreaterThan(1)
  })

  it('does not apply to other topics', async () => {
    const { source, sink } = log()
    for (let i = 0; i < 11; i++) await sink.append(Array.from({ length: 1_000 }, () => newRecord('t', 'hot', 'v')))
    expect(await recordsOf(source, 't')).toHaveLength(11_000)
  })
})

describe('retention', () => {
  const at = { topic: 't', partition: 0 }
  const some = (count: number) => Array.from({ length: count }, (_, i) => newRecord('t', 'k', String(i)))
  const idle = {
    assigned: () => {},
    revoked: async () => {},
    lost: () => {},
    ownedTasks: () => [],
    failed: () => {},
  }

  it('deletes the oldest records of a topic that no group reads', async () => {
    const { source, sink } = memoryLog({ retain: { records: 3 } })
    for (let i = 0; i < 10; i++) await sink.append(some(1))
    const earliest = await source.earliestOffset(at)
    expect(earliest).toBeGreaterThanOrEqual(6)
    expect((await recordsOf(source, 't', 0, earliest)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 10 - earliest }, (_, i) => earliest + i),
    )
    const reader = source.read({ ...at, offset: 0 }, new AbortController().signal)[Symbol.asyncIterator]()
    await expect(reader.next()).rejects.toThrow(coded('OFFSET_OUT_OF_RANGE'))
  })

  it('never deletes beyond the position of a group: appending waits', async () => {
    const { source, sink, tasks } = memoryLog({ retain: { records: 3 } })
    await tasks.prepare({ application: 'a', partitions: 1, maxMessageBytes: 1_000 })
    const session = await tasks.open({ application: 'a', task: 0 })
    await sink.append(some(3))
    await session.commit({ outputs: [], changelog: [], offsets: new Map([['t', 1]]) })
    await sink.append(some(1))
    await sink.append(some(1)) // may delete offset 0
    let appended = false
    const waiting = sink.append(some(1)).then(() => {
      appended = true
    })
    await settle()
    expect([appended, await source.earliestOffset(at)]).toEqual([false, 1])
    await session.commit({ outputs: [], changelog: [], offsets: new Map([['t', 5]]) })
    await waiting
    expect(await source.earliestOffset(at)).toBeGreaterThan(1)
  })

  it('respects the slowest of several groups', async () => {
    const { source, sink, tasks } = memoryLog({ retain: { records: 2 } })
    for (const [application, next] of [
      ['slow', 1],
      ['fast', 3],
    ] as const) {
      await tasks.prepare({ application, partitions: 1, maxMessageBytes: 1_000 })
      if (application === 'slow') await sink.append(some(2))
      const session = await tasks.open({ application, task: 0 })
      await session.commit({ outputs: [], changelog: [], offsets: new Map([['t', next]]) })
    }
    await sink.append(some(1))
    await sink.append(some(1))
    let appended = false
    sink.append(some(1)).then(() => {
      appended = true
    })
    await settle()
    expect([appended, await source.earliestOffset(at)]).toEqual([false, 1])
  })

  it('keeps records that a new group has not processed', async () => {
    const { source, sink, group } = memoryLog({ retain: { records: 2 } })
    await group.join('a', ['t'], idle)
    await sink.append(some(2))
    await sink.append(some(1))
    let appended = false
    sink.append(some(1)).then(() => {
      appended = true
    })
    await settle()
    expect([appended, await source.earliestOffset(at)]).toEqual([false, 0])
  })

  it('does not delete from compacted topics', async () => {
    const { source, sink } = memoryLog({ retain: { records: 1 }, topics: { t: { cleanup: 'compact' } } })
    for (const key of ['a', 'b', 'c']) await sink.append([newRecord('t', key, 'v')])
    expect(await recordsOf(source, 't')).toHaveLength(3)
  })
})

describe('an in-memory log that was disposed of', () => {
  const values = topic('values', { key: text(), value: json<number>() })

  it('rejects every call', async () => {
    const log = memoryLog()
    await produce(log, values, { key: 'a', value: 1 })
    const reading = consume(log, values)
    expect((await reading.next()).value?.value).toBe(1)
    const waiting = reading.next()
    await log[Symbol.asyncDispose]()
    const closed = coded('LOG_CLOSED')
    await expect(waiting).rejects.toEqual(closed)
    await expect(produce(log, values, { key: 'a', value: 2 })).rejects.toEqual(closed)
    await expect(consume(log, values, { until: 'end' }).next()).rejects.toEqual(closed)
    const pipeline = stream(values).to(topic('out', { key: text(), value: json<number>() }))
    await expect(run(pipeline, { application: 'a', log })).rejects.toEqual(closed)
  })

  it('stops an application that still runs on it', async () => {
    const log = memoryLog()
    const pipeline = stream(values).to(topic('out', { key: text(), value: json<number>() }))
    const app = await run(pipeline, { application: 'a', log })
    await app.ready
    await log[Symbol.asyncDispose]()
    await expect(app.closed).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})
