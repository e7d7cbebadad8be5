import { describe, expect, it } from 'vitest'
import { rowKey, rowValue } from '../../src/changelog/keys.js'
import { deadLetterInfo, json, stream, type TableOptions, table, text, topic } from '../../src/index.js'
import { JoinOperator } from '../../src/join/join-operator.js'
import type { LogRecord } from '../../src/log.js'
import type { PipelinePlan } from '../../src/pipeline/plan.js'
import { planApplication } from '../../src/pipeline/plan.js'
import { BlockedRecords } from '../../src/task/blocked/blocked-records.js'
import { UncommittedWork } from '../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../src/task/commit/write-batch.js'
import type { JoinPipeline, JoinTable } from '../../src/task/join-pipeline.js'
import { RecordProcessor } from '../../src/task/record-processor.js'
import { RowReader } from '../../src/task/stores/row-reader.js'
import { blockingClock } from './blocked/blocking-clock.js'

const events = topic('events', { key: json<string>(), value: text() })
const other = topic('other', { key: json<string>(), value: text() })
const rows = topic('rows', { key: json<string>(), value: json<string>() })
const more = topic('more', { key: json<string>(), value: json<string>() })
const out = topic('out', { key: json<string>(), value: text() })
const wait = { atMost: '1h', otherwise: 'drop' } as const
/** The size of the record batch that contains one ROW record, without its key and value. */
const BATCH_OVERHEAD = 101

/** Two pipelines: events waits for rows and more; other joins rows only. */
function processing({
  onError,
  inChangelog = false,
  maxMessageBytes = 1_000_000,
  slowly = () => {},
  ...watching
}: Partial<{
  readonly onError: TableOptions['onError']
  readonly inChangelog: boolean
  readonly maxMessageBytes: number
  readonly blocked: BlockedRecords
  readonly signal: AbortSignal
  /** Called for each event that is joined with a row. */
  readonly slowly: () => void
}> = {}) {
  const shared = table(rows, onError === undefined ? {} : { onError })
  const plan = planApplication('a', [
    stream(events)
      .join(
        shared,
        (event, row) => {
          slowly()
          return `${event}+${row}`
        },
        { wait },
      )
      .join(table(more), (event, row) => `${event}+${row}`, { wait })
      .to(out),
    stream(other)
      .join(shared, (event, row) => `${event}+${row}`)
      .to(out),
  ])
  const changelog = { topic: 'a-changelog', maxMessageBytes }
  const outputs = new Map(plan.outputs.map((name) => [name, { partitions: 1, maxMessageBytes: 1_000_000 }] as const))
  const options = { application: 'a', partition: 0, outputs, changelog }
  const stored = new Map<string, string>()
  const tables = plan.tables.map((of): JoinTable => {
    const find = (key: Uint8Array) => stored.get(`${of.topic} ${key}`)
    const rowOf = (key: Uint8Array) => {
      const found = find(Buffer.from(key))
      return found === undefined ? undefined : Buffer.from(found)
    }
    const reader = new RowReader(of.topic, (keys) => keys.map(rowOf))
    return { plan: of, store: { rows: reader }, inChangelog, hasExactRows: true, skipped: 0 }
  })
  const pipelines = plan.pipelines.map(
    (of: PipelinePlan): JoinPipeline => ({
      operator: new JoinOperator(of, options),
      tables: of.tables.map(({ topic }) => tables.find(({ plan }) => plan.topic === topic) as JoinTable),
    }),
  )
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
  const time = { now: 1_000 }
  const processor = new RecordProcessor({ ...options, ...watching, now: () => time.now })
  const [eventsPipeline, otherPipeline] = pipelines as [JoinPipeline, JoinPipeline]
  return {
    processor,
    stored,
    time,
    work,
    pipelines,
    events: eventsPipeline,
    other: otherPipeline,
    rows: tables[0] as JoinTable,
    more: tables[1] as JoinTable,
    outputs: () => work.current.outputs.map(({ value }) => String(value)),
    rowChanges: (of: string) =>
      [...(work.current.stores.get(of)?.values() ?? [])].map(({ value }) => value && String(value)),
  }
}

let offset = 0
const record = (of: string, key: string | null, value: string | null): LogRecord => ({
  topic: of,
  partition: 0,
  offset: offset++,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp: 5,
  headers: [],
})
const row = (key: string, value: string | null, of = 'rows') =>
  record(of, JSON.stringify(key), value && JSON.stringify(value))

const event = (key: string, value: string, of = 'events') => record(of, JSON.stringify(key), value)

describe('records of a table', () => {
  it('put and delete rows, which the next events see before anything is committed', async () => {
    const { processor, work, other, pipelines, rows, stored, outputs, rowChanges } = processing()
    stored.set('rows "a"', '"old"').set('rows "b"', '"B"')
    const records = [row('a', 'A'), row('b', null), row('c', 'C')]
    expect(await processor.table(rows, records, pipelines, work)).toBe(3)
    expect(rowChanges('rows')).toEqual(['"A"', null, '"C"'])
    expect(work.current.stores.get('more')).toBeUndefined()
    const asked = ['a', 'b', 'c'].map((key) => event(key, key, 'other'))
    expect(await processor.stream(other, asked, work)).toBe(3)
    expect(outputs()).toEqual(['a+A', 'c+C'])
    expect([...work.current.changelog]).toEqual([]) // they can be read from their own topic again
  })

  it('are written to the changelog if the rows are kept there', async () => {
    const { processor, work, pipelines, rows } = processing({ inChangelog: true })
    await processor.table(rows, [row('a', 'A'), row('b', null)], pipelines, work)
    expect([...work.current.changelog]).toEqual([
      { key: rowKey('rows', Buffer.from('"a"')), value: rowValue(Buffer.from('"A"')) },
      { key: rowKey('rows', Buffer.from('"b"')), value: null },
    ])
    expect(work.current.stores.get('rows')?.size).toBe(2)
  })

  it('that have no key are skipped, and reported', async () => {
    const { processor, work, pipelines, rows, rowChanges } = processing()
    const records = [record('rows', null, '"A"'), row('b', 'B')]
    expect(await processor.table(rows, records, pipelines, work)).toBe(2)
    expect([rows.skipped, rowChanges('rows')]).toEqual([1, ['"B"']])
    expect(work.current.outcomes).toEqual([
      {
        type: 'dropped',
        reason: 'null-key',
        origin: expect.objectContaining({ topic: 'rows', offset: records[0]?.offset }),
      },
    ])
  })

  it.each([
    ['value', '"a"', '{'],
    ['key', '{', '"A"'],
    ['key, of a tombstone,', '{', null],
  ])('whose %s cannot be decoded halt the task, unless they are dead-lettered', async (_, key, value) => {
    const bad = record('rows', key, value)
    const halting = processing()
    await expect(halting.processor.table(halting.rows, [bad], halting.pipelines, halting.work)).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      topic: 'rows',
      offset: bad.offset,
      message: expect.stringMatching(
        /the (key|value) of a record of table rows cannot be decoded: .*set onError: \{ deadLetter \} on table rows to dead-letter such records/,
      ),
    })
    expect(halting.rows.skipped).toBe(0)

    const { processor, work, pipelines, rows, rowChanges } = processing({ onError: { deadLetter: 'dead' } })
    expect(await processor.table(rows, [bad, row('b', 'B')], pipelines, work)).toBe(2)
    expect([rows.skipped, rowChanges('rows')]).toEqual([1, ['"B"']])
    expect(work.current.outputs.map(({ topic }) => topic)).toEqual(['dead'])
    expect(deadLetterInfo(work.current.outputs[0]?.headers ?? [])).toMatchObject({ reason: 'undecodable' })
  })

  it('that the changelog does not accept are dead-lettered, and the previous row stays', async () => {
    const [fits, exceeds] = [row('a', 'x'.repeat(100)), row('a', 'x'.repeat(101))]
    const key = rowKey('rows', Buffer.from('"a"'))
    const maxMessageBytes = BATCH_OVERHEAD + key.length + rowValue(fits.value as Uint8Array).length
    const options = { inChangelog: true, maxMessageBytes, onError: { deadLetter: 'dead' } }
    const { processor, work, pipelines, rows, rowChanges } = processing(options)
    await processor.table(rows, [fits, exceeds], pipelines, work)
    expect([rows.skipped, rowChanges('rows')]).toEqual([1, [String(fits.value)]])
    expect([...work.current.changelog]).toEqual([{ key, value: rowValue(fits.value as Uint8Array) }])
    const { reason, message } = deadLetterInfo(work.current.outputs[0]?.headers ?? []) ?? {}
    expect(reason).toBe('too-large')
    expect(message).toContain(`a row takes up to ${maxMessageBytes + 1} bytes, but a-changelog accepts only`)
  })
})

describe('events that wait', () => {
  it('are woken by their row, with the rows of their other tables', async () => {
    const { processor, work, events, pipelines, rows, more, outputs, stored } = processing()
    stored.set('more "b"', '"M"')
    await processor.stream(events, [event('a', '1'), event('b', '2'), event('b', '3')], work)
    expect([events.operator.waiting, outputs()]).toEqual([3, []])
    await processor.table(rows, [row('c', 'C'), row('b', 'B'), row('a', 'A')], pipelines, work)
    expect(outputs()).toEqual(['2+B+M', '3+B+M'])
    await processor.table(more, [row('a', 'N', 'more')], pipelines, work)
    expect(outputs().slice(2)).toEqual(['1+A+N'])
    expect(events.operator.waiting).toBe(0)
  })

  it('stop a batch of rows where the caller decides: a paused stream can continue', async () => {
    const { processor, work, events, other, pipelines, rows, rowChanges } = processing()
    await processor.stream(events, [event('b', '1')], work)
    const seen: [pipeline: string, key: string, woke: boolean][] = []
    const records = [row('a', 'A'), record('rows', null, null), row('b', 'B'), row('c', 'C')]
    const consumed = await processor.table(rows, records, pipelines, work, ({ operator }, { key }, woke) => {
      seen.push([operator.plan.name, String(key), woke])
      return woke
    })
    expect(consumed).toBe(3)
    expect(seen).toEqual([
      [events.operator.plan.name, '"a"', false],
      [other.operator.plan.name, '"a"', false],
      // a record without a key is no row
      [events.operator.plan.name, '"b"', true],
      [other.operator.plan.name, '"b"', false],
    ])
    expect(rowChanges('rows')).toEqual(['"A"', '"B"'])
  })

  it('are none of the business of a pipeline that does not join the table', async () => {
    const { processor, work, events, pipelines, more } = processing()
    const seen: string[] = []
    await processor.table(more, [row('a', 'A', 'more')], pipelines, work, ({ operator }) => {
      seen.push(operator.plan.name)
      return false
    })
    expect(seen).toEqual([events.operator.plan.name])
  })

  it('are not woken by a record that is no row', async () => {
    const options = { inChangelog: true, maxMessageBytes: 1_000, onError: { deadLetter: 'dead' } }
    const { processor, work, events, pipelines, rows, stored, outputs } = processing(options)
    await processor.stream(events, [event('a', '1')], work)
    stored.set('rows "a"', '"A"').set('more "a"', '"M"') // so that the event would be emitted
    const seen: unknown[] = []
    const bad = [record('rows', '"a"', '{'), row('a', 'x'.repeat(1_000))]
    const consumed = await processor.table(rows, bad, pipelines, work, (_, record) => {
      seen.push(record)
      return false
    })
    expect([consumed, rows.skipped, seen, events.operator.waiting]).toEqual([2, 2, [], 1])
    expect(outputs()).toEqual(bad.map(({ value }) => String(value))) // both are dead-lettered
  })

  it('do not expire while the rows of their table may be older than the position', async () => {
    const { processor, work, events, rows, time } = processing()
    Object.assign(rows, { hasExactRows: false })
    await processor.stream(events, [event('a', '1')], work)
    time.now += 3_600_000
    const due = events.operator.endOffsetReached(0, time.now, 10)
    expect(due.map(String)).toEqual(['"a"'])
    await processor.evaluate(events, due, work)
    expect(events.operator.waiting).toBe(1)
    Object.assign(rows, { hasExactRows: true })
    await processor.evaluate(events, due, work)
    expect([events.operator.waiting, events.operator.totals.dropped]).toEqual([0, { 'no-row': 1 }])
  })

  it('are evaluated with the current rows, key by key', async () => {
    const { processor, work, events, outputs, stored } = processing()
    await processor.stream(events, [event('a', '1'), event('b', '2'), event('c', '3')], work)
    for (const key of ['a', 'b', 'c']) stored.set(`rows "${key}"`, `"row of ${key}"`).set(`more "${key}"`, '"M"')
    await processor.evaluate(events, [Buffer.from('"c"'), Buffer.from('"a"'), Buffer.from('"none"')], work)
    expect(outputs()).toEqual(['3+row of c+M', '1+row of a+M'])
    expect(events.operator.waiting).toBe(1)
  })
})

describe('a task that ends while slow functions run for the events of a key', () => {
  it.each(['table', 'evaluate'] as const)('processes no more of them: %s', async (how) => {
    const { clock, block } = blockingClock()
    const abort = new AbortController()
    const watching = { blocked: new BlockedRecords(clock, 10_000, () => {}), signal: abort.signal }
    const { processor, work, events, rows, pipelines, stored } = processing({ ...watching, slowly: () => block(60) })
    stored.set('more "a"', '"M"')
    await processor.stream(
      events,
      Array.from({ length: 100 }, (_, i) => event('a', `${i}`)),
      work,
    )
    setImmediate(() => abort.abort())
    if (how === 'table') expect(await processor.table(rows, [row('a', 'A'), row('b', 'B')], pipelines, work)).toBe(0)
    else {
      stored.set('rows "a"', '"A"')
      await processor.evaluate(events, [Buffer.from('"a"')], work)
    }
    expect(events.operator.waiting).toBeGreaterThan(80)
    expect(events.operator.waiting).toBeLessThan(100)
  })
})
