import { describe, expect, it } from 'vitest'
import { deadLetterInfo, inDoubtInfo, json, type NewRecord, stream, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { headerTexts, OperatorHarness } from './operator-harness.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const left = topic('left', serdes)
const right = topic('right', serdes)
const out = topic('out', serdes)
const deadLetter = { deadLetter: 'dead' }
const MINUTE = 60_000
const concat = (value: string, row: string | undefined) => `${value}+${row}`

const inner = (): Pipeline => stream(events).join(table(left), concat).to(out)
const leftJoin = (): Pipeline => stream(events).leftJoin(table(left), concat).to(out)
const waiting = (extra: { maxRecords?: number; maxBytes?: '1KiB'; whenFull?: 'pause' | typeof deadLetter } = {}) =>
  stream(events)
    .join(table(left), concat, { wait: { atMost: '1m', otherwise: deadLetter, ...extra } })
    .to(out)

describe('an event that has to wait and is too large for the changelog', () => {
  const long = 'v'.repeat(2_000)

  it('is dead-lettered: it would make the transaction of all others fail', () => {
    const t = new OperatorHarness(
      stream(events, { onError: deadLetter })
        .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
        .to(out),
      { changelogBytes: 1_000 },
    )
    t.event('k', long)
    t.event('k', 'short')
    expect(t.totals).toMatchObject({ in: 2, waiting: 1, deadLettered: { 'too-large': 1 } })
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'too-large' }])
    t.row('left', 'k', 'row')
    expect(t.outputs.filter(({ topic }) => topic === 'out').map(({ value }) => String(value))).toEqual(['short+row'])
  })

  it('halts the application if onError does not say otherwise', () => {
    const t = new OperatorHarness(waiting(), { changelogBytes: 1_000 })
    expect(() => t.event('k', long, { offset: 5 })).toThrow(
      expect.objectContaining({ code: 'RECORD_TOO_LARGE', topic: 'events', partition: 2, offset: 5 }),
    )
  })

  it('is reported with the size that was compared, which includes the key and the overhead', () => {
    const sizeOf = (changelogBytes: number): number => {
      const t = new OperatorHarness(waiting(), { changelogBytes })
      const accepts = new RegExp(
        `a waiting event takes up to (\\d+) bytes, but app-changelog accepts only ${changelogBytes} `,
      )
      try {
        t.event('k', long)
      } catch (error) {
        return Number(accepts.exec((error as Error).message)?.[1])
      }
      return 0
    }
    const size = sizeOf(1_000)
    expect(size).toBeGreaterThan(long.length)
    expect([sizeOf(size - 1), sizeOf(size)]).toEqual([size, 0])
  })

  it('is emitted if it need not wait', () => {
    const t = new OperatorHarness(waiting(), { changelogBytes: 1_000 })
    t.row('left', 'k', 'row')
    t.event('k', long)
    expect(t.totals).toMatchObject({ in: 1, emitted: 1 })
  })
})

describe('a join without wait', () => {
  it('emits with the row of the key, under the key, timestamp and headers of the event', () => {
    const t = new OperatorHarness(inner())
    t.row('left', 'k', 'row')
    t.event('k', 'v', {
      timestamp: 77,
      headers: [
        ['trace', Buffer.from('1')],
        ['trace', null],
      ],
      offset: 41,
    })
    const [record] = t.outputs as [NewRecord]
    expect({ ...record, key: String(record.key), value: String(record.value), headers: 0 }).toEqual({
      topic: 'out',
      key: 'k',
      value: 'v+row',
      timestamp: 77,
      headers: 0,
    })
    expect(headerTexts(record.headers)).toEqual([
      ['trace', '1'],
      ['trace', null],
      ['joinery-origin', 'app/events/2/41'],
    ])
    expect(t.totals).toMatchObject({ in: 1, emitted: 1, joined: { left: 1 }, unmatched: {} })
  })

  it('uses the latest row, and none after a tombstone', () => {
    const t = new OperatorHarness(inner())
    t.row('left', 'k', 'old')
    t.row('left', 'k', 'new')
    t.event('k', 'a')
    t.row('left', 'k', null)
    t.event('k', 'b')
    expect(t.values('out')).toEqual(['a+new'])
    expect(t.outcomes).toMatchObject([{ type: 'dropped', reason: 'no-row', origin: { topic: 'events', partition: 2 } }])
  })

  it('never emits because of a table record', () => {
    const t = new OperatorHarness(inner())
    t.event('k', 'v')
    t.row('left', 'k', 'row')
    expect(t.outputs).toEqual([])
    expect(t.totals).toMatchObject({ in: 1, emitted: 0, dropped: { 'no-row': 1 } })
  })

  it('joins with undefined if a left join has no row, and counts it as unmatched', () => {
    const t = new OperatorHarness(leftJoin())
    t.event('k', 'v')
    t.row('left', 'k', 'row')
    t.event('k', 'v')
    expect(t.values('out')).toEqual(['v+undefined', 'v+row'])
    expect(t.totals).toMatchObject({ emitted: 2, joined: { left: 1 }, unmatched: { left: 1 } })
  })

  it('drops a null key in an inner join, also where it would wait', () => {
    for (const pipeline of [inner(), waiting()]) {
      const t = new OperatorHarness(pipeline)
      t.event(null, 'v')
      expect(t.totals).toMatchObject({ in: 1, dropped: { 'null-key': 1 }, waiting: 0 })
    }
  })

  it('emits a null key in a left join at once, to the origin partition modulo the count', () => {
    const pipeline = stream(events)
      .leftJoin(table(left), (value, row, { key }) => `${value}+${row}+${key}`, { wait: { atMost: '1m' } })
      .to(out)
    const t = new OperatorHarness(pipeline, {
      partition: 5,
      outputs: { out: { partitions: 3, maxMessageBytes: 1_000 } },
    })
    t.event(null, 'v')
    expect(t.outputs).toMatchObject([{ topic: 'out', key: null, partition: 2 }])
    expect(t.values('out')).toEqual(['v+undefined+null'])
  })

  it('leaves the partition of a keyed output to its key', () => {
    const t = new OperatorHarness(leftJoin())
    t.event('k', 'v')
    expect(t.outputs[0]).not.toHaveProperty('partition')
  })

  it('drops a null value, with and without a row, key or wait', () => {
    const t = new OperatorHarness(waiting())
    t.row('left', 'k', 'row')
    t.event('k', null)
    t.event('other', null)
    t.event(null, null)
    expect(t.totals).toMatchObject({ in: 3, dropped: { 'null-value': 3 } })
  })

  it('drops what a filter rejects, before and after a join', () => {
    const pipeline = stream(events)
      .filter((value) => value !== 'no')
      .join(table(left), concat)
      .filter((value) => value !== 'v+bad')
      .mapValues((value) => value.toUpperCase())
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.row('left', 'k', 'bad')
    t.event('k', 'no')
    t.event('k', 'v')
    t.event('k', 'w')
    expect(t.values('out')).toEqual(['W+BAD'])
    expect(t.totals).toMatchObject({ in: 3, emitted: 1, dropped: { filtered: 2 } })
  })

  it('passes key, timestamp, headers and origin of the record to user functions', () => {
    const seen: unknown[] = []
    const pipeline = stream(events)
      .mapValues((value, { key, timestamp, headers, origin }) => {
        seen.push([key, timestamp, headers, origin.topic, origin.partition, origin.offset])
        return value
      })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v', { timestamp: 9, headers: [['h', null]], offset: 3 })
    expect(seen).toEqual([['k', 9, [['h', null]], 'events', 2, 3]])
  })

  it('runs several joins in order, each counted under its own name', () => {
    const pipeline = stream(events).join(table(left), concat, { name: 'first' }).leftJoin(table(right), concat).to(out)
    const t = new OperatorHarness(pipeline)
    t.row('left', 'k', 'l')
    t.event('k', 'v')
    expect(t.values('out')).toEqual(['v+l+undefined'])
    expect(t.totals).toMatchObject({ joined: { first: 1 }, unmatched: { right: 1 } })
  })

  it('counts joins whose names are those of object members', () => {
    const odd = topic('constructor', serdes)
    const t = new OperatorHarness(stream(events).leftJoin(table(odd), concat).to(out))
    t.event('k', 'v')
    t.event('k', 'v')
    expect(Object.entries(t.totals.unmatched)).toEqual([['constructor', 2]])
  })
})

describe('a join with wait', () => {
  it('keeps the event and emits it when its row arrives', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v', { timestamp: 7, headers: [['h', Buffer.from('x')]] })
    expect(t.outputs).toEqual([])
    expect(t.totals).toMatchObject({ in: 1, waiting: 1 })
    t.now += 5_000
    t.row('left', 'k', 'row')
    expect(t.values('out')).toEqual(['v+row'])
    expect(t.outputs[0]).toMatchObject({ timestamp: 7 })
    expect(headerTexts(t.outputs[0]?.headers ?? [])).toEqual([
      ['h', 'x'],
      ['joinery-origin', 'app/events/2/0'],
    ])
  })

  it('keeps the order of a key, and lets other keys pass', () => {
    const t = new OperatorHarness(waiting())
    t.row('left', 'other', 'o')
    t.event('k', '1')
    t.event('k', '2')
    t.event('other', '3')
    t.event('k', '4')
    expect(t.values('out')).toEqual(['3+o'])
    t.row('left', 'k', 'row')
    expect(t.values('out')).toEqual(['3+o', '1+row', '2+row', '4+row'])
  })

  it('treats keys as equal only if their bytes are equal', () => {
    const t = new OperatorHarness(waiting())
    t.event('é', 'v')
    t.row('left', 'e\u0301', 'row')
    expect(t.totals.waiting).toBe(1)
  })

  it('queues a later event behind the first although its own row is there', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop', ready: (row, value) => row >= value } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.row('left', 'k', '5')
    t.event('k', '9')
    t.event('k', '1')
    expect(t.totals.waiting).toBe(2)
    t.row('left', 'k', '9')
    expect(t.values('out')).toEqual(['9+9', '1+9'])
  })

  it('stops waking at the first event of the key that still waits', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop', ready: (row, value) => row >= value } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    for (const value of ['2', '7', '1']) t.event('k', value)
    t.row('left', 'k', '5')
    expect(t.values('out')).toEqual(['2+5'])
    expect(t.totals.waiting).toBe(2)
  })

  it('keeps one FIFO per key over the whole chain', () => {
    const wait = { atMost: '1m', otherwise: 'drop' } as const
    const pipeline = stream(events).join(table(left), concat, { wait }).join(table(right), concat, { wait }).to(out)
    const t = new OperatorHarness(pipeline)
    t.row('left', 'k', 'l')
    t.event('k', '1') // waits at the second join
    t.event('k', '2')
    t.row('left', 'k', 'l2')
    expect(t.outputs).toEqual([])
    t.row('right', 'k', 'r')
    expect(t.values('out')).toEqual(['1+l2+r', '2+l2+r'])
  })

  it('runs the whole chain again when a row wakes the event, with current rows', () => {
    const pipeline = stream(events)
      .leftJoin(table(left), concat)
      .join(table(right), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.row('left', 'k', 'before')
    t.event('k', 'v')
    t.row('left', 'k', 'today')
    t.row('right', 'k', 'r')
    expect(t.values('out')).toEqual(['v+today+r'])
  })

  it('waits again at an earlier join whose row was deleted in the meantime', () => {
    const wait = { atMost: '1m', otherwise: 'drop' } as const
    const t = new OperatorHarness(
      stream(events).join(table(left), concat, { wait }).join(table(right), concat, { wait }).to(out),
    )
    t.row('left', 'k', 'l')
    t.event('k', 'v')
    t.row('left', 'k', null)
    t.row('right', 'k', 'r')
    expect(t.outputs).toEqual([])
    t.row('left', 'k', 'again')
    expect(t.values('out')).toEqual(['v+again+r'])
  })

  it('keeps events waiting after a tombstone', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v')
    t.row('left', 'k', null)
    expect(t.totals).toMatchObject({ waiting: 1, emitted: 0 })
  })

  it('joins an expired event of a left join with undefined', () => {
    const t = new OperatorHarness(
      stream(events)
        .leftJoin(table(left), concat, { wait: { atMost: '1m' } })
        .to(out),
    )
    t.event('k', 'v')
    t.now += MINUTE
    t.reachEnd('left')
    expect(t.values('out')).toEqual(['v+undefined'])
    expect(t.totals).toMatchObject({ emitted: 1, waiting: 0, unmatched: { left: 1 } })
  })

  it('drops an expired event of an inner join with the reason', () => {
    const t = new OperatorHarness(
      stream(events)
        .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
        .to(out),
    )
    t.event('k', 'v')
    t.now += MINUTE
    t.reachEnd('left')
    expect(t.totals).toMatchObject({ dropped: { 'no-row': 1 }, waiting: 0 })
  })

  it('dead-letters an expired event with its original bytes, reason, table, origin and age', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v', {
      timestamp: 7,
      headers: [
        ['h', Buffer.from('x')],
        ['joinery-origin', Buffer.from('b/c/0/1')],
      ],
    })
    t.now += MINUTE + 5
    t.reachEnd('left')
    expect(t.outputs).toMatchObject([{ topic: 'dead', key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 7 }])
    expect(headerTexts(t.outputs[0]?.headers ?? [])).toEqual([
      ['h', 'x'],
      ['joinery-reason', 'no-row'],
      ['joinery-origin', 'app/events/2/0'],
      ['joinery-age-ms', '60005'],
      ['joinery-table', 'left'],
    ])
    expect(t.totals).toMatchObject({ deadLettered: { 'no-row': 1 } })
  })

  it('names the table in dead letters, not the join', () => {
    const pipeline = (whenFull: 'pause' | typeof deadLetter) =>
      stream(events)
        .join(table(left), concat, {
          name: 'named',
          wait: { atMost: '1m', otherwise: deadLetter, maxRecords: 1, whenFull },
        })
        .to(out)
    const t = new OperatorHarness(pipeline(deadLetter))
    t.event('a', 'v')
    t.event('b', 'v')
    t.now += MINUTE
    t.reachEnd('left')
    expect(t.deadLetters('dead')).toMatchObject([
      { reason: 'wait-buffer-full', table: 'left', ageMs: 0 },
      { reason: 'no-row', table: 'left', ageMs: MINUTE },
    ])
  })

  it('distinguishes a row that is not accepted by wait.ready from a missing one', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: deadLetter, ready: (row) => row === 'ready' } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('missing', 'v')
    t.row('left', 'k', 'draft')
    t.event('k', 'v')
    t.row('left', 'k', 'draft 2')
    t.now += MINUTE
    t.reachEnd('left')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'no-row' }, { reason: 'not-ready' }])
    expect(t.totals.deadLettered).toEqual({ 'no-row': 1, 'not-ready': 1 })
  })

  it('expires no event before its deadline, nor before its table has reached an end offset requested at or after it', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v')
    expect(t.nextDeadline('left')).toBe(1_000_000 + MINUTE)
    t.now += 10 * MINUTE // an outage: nothing is known about the table since
    t.reachEnd('left', 1_000_000 + MINUTE - 1)
    expect(t.totals.waiting).toBe(1)
    t.row('left', 'k', 'in time')
    expect(t.values('out')).toEqual(['v+in time'])
    expect(t.nextDeadline('left')).toBeUndefined()
  })

  it('gives the event behind an expired one its own deadline', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', '1')
    t.now += 30_000
    t.event('k', '2')
    t.now += 30_000
    t.reachEnd('left')
    expect(t.values('dead')).toEqual(['1'])
    expect(t.nextDeadline('left')).toBe(1_000_000 + 30_000 + MINUTE)
    t.now += 30_000
    t.reachEnd('left')
    expect(t.values('dead')).toEqual(['1', '2'])
  })

  it('measures every wait of a chain from the arrival, each with its own limit', () => {
    const pipeline = stream(events)
      .leftJoin(table(left), concat, { wait: { atMost: '10s' } })
      .join(table(right), concat, { wait: { atMost: '1m', otherwise: deadLetter } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    expect([t.nextDeadline('left'), t.nextDeadline('right')]).toEqual([1_010_000, undefined])
    t.now += 10_000
    t.reachEnd('left')
    expect(t.outputs).toEqual([])
    expect([t.nextDeadline('left'), t.nextDeadline('right')]).toEqual([undefined, 1_060_000])
    t.now = 1_060_000
    t.reachEnd('right')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'no-row', table: 'right', ageMs: MINUTE }])
  })

  it('uses a row that arrives after the wait of its join, while the event waits at another', () => {
    const pipeline = stream(events)
      .leftJoin(table(left), concat, { wait: { atMost: '10s' } })
      .join(table(right), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    t.now += 10_000
    t.reachEnd('left')
    t.row('left', 'k', 'late')
    t.row('right', 'k', 'r')
    expect(t.values('out')).toEqual(['v+late+r'])
  })

  it('waits at a later join only as long as the arrival allows', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
      .join(table(right), concat, { wait: { atMost: '10s', otherwise: deadLetter } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    t.now += 30_000
    t.row('left', 'k', 'l') // the second join's deadline is over, but its table has not reached an end offset requested after it
    expect(t.nextDeadline('right')).toBe(1_010_000)
    t.reachEnd('right', 1_010_000)
    expect(t.deadLetters('dead')).toMatchObject([{ table: 'right', ageMs: 30_000 }])
  })

  it('keeps the latest request time when an end offset that was requested earlier is reached later', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: 'drop' } })
      .join(table(right), concat, { wait: { atMost: '10s', otherwise: deadLetter } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    t.now += 30_000
    t.reachEnd('right', t.now)
    t.reachEnd('right', 1_000_000)
    t.row('left', 'k', 'l')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'no-row', table: 'right' }])
  })

  it('returns no more due keys at once than requested, over all joins of a table', () => {
    const wait = { atMost: '1m', otherwise: 'drop' } as const
    const ready = (row: string, value: string) => value !== 'second' || row === 'never'
    const pipeline = stream(events)
      .join(table(left), (value) => value, { wait })
      .join(table(left), (value) => value, { name: 'again', wait: { ...wait, ready } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('a', 'first')
    t.event('b', 'first')
    t.row('left', 'c', 'row')
    t.event('c', 'second')
    t.now += MINUTE
    expect(t.operator.endOffsetReached(0, t.now, 2)).toHaveLength(2)
    expect(t.operator.endOffsetReached(0, t.now, 2).map(String)).toEqual(['c'])
  })

  it('drops a null value at once although events with its key wait', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v')
    t.event('k', null)
    expect(t.totals).toMatchObject({ waiting: 1, dropped: { 'null-value': 1 } })
  })

  it('keeps one deadline for an event, however often its row changes', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: deadLetter, ready: () => false } })
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', '1')
    for (let i = 0; i < 10; i++) t.row('left', 'k', `row ${i}`)
    t.now += 1
    t.event('k', '2')
    t.now = 1_000_000 + MINUTE
    expect(t.operator.endOffsetReached(0, t.now, 100).map(String)).toEqual(['k'])
  })
})

describe('a restart', () => {
  it('keeps order, bytes, headers and deadline of waiting events', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', '1', {
      headers: [
        ['h', null],
        ['h', Buffer.from([0xff])],
      ],
      timestamp: 3,
    })
    t.event('k', '2')
    t.now += MINUTE - 1
    t.restart()
    t.open()
    expect(t.nextDeadline('left')).toBe(1_000_000 + MINUTE)
    t.row('left', 'k', 'row')
    expect(t.values('out')).toEqual(['1+row', '2+row'])
    expect(t.outputs[0]?.timestamp).toBe(3)
    expect(t.outputs[0]?.headers.slice(0, 2)).toEqual([
      ['h', null],
      ['h', Buffer.from([0xff])],
    ])
  })

  it('treats an arrival in the future as now', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v')
    t.now -= 3_600_000 // the clock was set back
    t.restart()
    t.open()
    expect(t.nextDeadline('left')).toBe(t.now + MINUTE)
    t.now += MINUTE
    t.reachEnd('left')
    expect(t.deadLetters('dead')).toMatchObject([{ ageMs: MINUTE }])
  })

  it('evaluates waiting events with the rows that arrived in the meantime', () => {
    const t = new OperatorHarness(waiting())
    t.event('k', 'v')
    t.rows.get('left')?.set('k', Buffer.from('row'))
    t.restart()
    t.open()
    expect(t.values('out')).toEqual(['v+row'])
  })

  it('does not trust a table that has not caught up, except for the row that wakes the event', () => {
    const wait = { atMost: '1m', otherwise: deadLetter } as const
    const t = new OperatorHarness(
      stream(events).join(table(left), concat, { wait }).join(table(right), concat, { wait }).to(out),
    )
    t.event('one', '1')
    t.event('two', '2')
    t.rows.get('right')?.set('two', Buffer.from('r'))
    t.restart()
    t.notCaughtUp.add('left').add('right')
    t.row('left', 'one', 'l')
    t.row('left', 'two', 'l')
    expect(t.totals).toMatchObject({ waiting: 2, emitted: 0 })
    t.notCaughtUp.delete('right')
    t.row('left', 'two', 'l2')
    expect(t.values('out')).toEqual(['2+l2+r'])
    t.notCaughtUp.delete('left')
    t.row('right', 'one', 'r')
    expect(t.values('out')).toEqual(['2+l2+r', '1+l+r'])
  })

  it('makes an event wait for a table that has not caught up even if its join has no wait', () => {
    const pipeline = stream(events)
      .join(table(left), concat, { wait: { atMost: '1m', otherwise: deadLetter } })
      .join(table(right), concat)
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    t.restart()
    t.notCaughtUp.add('right')
    t.row('left', 'k', 'l')
    expect(t.totals).toMatchObject({ waiting: 1 })
    t.notCaughtUp.delete('right')
    t.open()
    expect(t.totals).toMatchObject({ waiting: 0, dropped: { 'no-row': 1 } })
  })
})

describe('a full wait buffer', () => {
  it('pauses the stream at the event that does not fit, and continues when there is room', () => {
    const t = new OperatorHarness(waiting({ maxRecords: 2 }))
    t.row('left', 'other', 'o')
    const records = ['a', 'b', 'other', 'c', 'other'].map((key) => t.record(key, key))
    expect(t.process(records)).toBe(3)
    expect(t.totals).toMatchObject({ in: 3, waiting: 2, emitted: 1 })
    expect(t.process(records.slice(3))).toBe(0)
    t.row('left', 'a', 'row')
    expect(t.process(records.slice(3))).toBe(2)
    expect(t.totals).toMatchObject({ in: 5, waiting: 2, emitted: 3 })
  })

  it('also pauses for an event that only queues behind another with its key', () => {
    const t = new OperatorHarness(waiting({ maxRecords: 1 }))
    expect(t.process([t.record('k', '1'), t.record('k', '2')])).toBe(1)
  })

  it('dead-letters what does not fit with whenFull: { deadLetter }', () => {
    const t = new OperatorHarness(waiting({ maxRecords: 1, whenFull: deadLetter }))
    expect(t.process([t.record('a', '1'), t.record('b', '2'), t.record('a', '3')])).toBe(3)
    expect(t.values('dead')).toEqual(['2', '3'])
    expect(t.totals).toMatchObject({ in: 3, waiting: 1, deadLettered: { 'wait-buffer-full': 2 } })
  })

  it('accepts one event of any size when empty, and is then full by bytes', () => {
    const t = new OperatorHarness(waiting({ maxBytes: '1KiB' }))
    expect(t.event('a', 'x'.repeat(100_000))).toBe(true)
    expect(t.event('b', 'y')).toBe(false)
    t.row('left', 'a', 'row')
    expect(t.event('b', 'y'.repeat(500))).toBe(true)
    expect(t.event('c', 'z'.repeat(500))).toBe(false)
    expect(t.operator.waitingBytes).toBeLessThan(1_024)
  })
})

describe('a record that cannot be processed', () => {
  const failing = (onError?: typeof deadLetter) => {
    const source = topic('events', { key: text(), value: json<{ n: number }>() })
    return stream(source, onError && { onError })
      .mapValues(({ n }) => {
        if (n < 0) throw new Error('negative')
        return 'x'.repeat(n)
      })
      .to(out)
  }
  const small = { outputs: { out: { partitions: 1, maxMessageBytes: 1_000 } } }

  it('halts by default, with the coordinates and the cause', () => {
    const t = new OperatorHarness(failing(), small)
    const coordinates = { topic: 'events', partition: 2, offset: 8 }
    const halting = (value: string) => () => t.event('k', value, { offset: 8 })
    expect(halting('{')).toThrow(expect.objectContaining({ code: 'DECODE_FAILED', ...coordinates }))
    expect(halting('{"n":2000}')).toThrow(expect.objectContaining({ code: 'RECORD_TOO_LARGE', ...coordinates }))
    expect(halting('{"n":-1}')).toThrow(
      expect.objectContaining({
        code: 'FUNCTION_THREW',
        ...coordinates,
        cause: expect.objectContaining({ message: 'negative' }),
      }),
    )
  })

  it('is dead-lettered with onError: { deadLetter }, with original bytes and headers, and the reason', () => {
    const t = new OperatorHarness(failing(deadLetter), small)
    const headers = [['h', Buffer.from([1])]] as const
    const wrong = Buffer.from([0xff, 0xfe])
    t.event('k', wrong, { headers })
    t.event('k', '{"n":-1}', { headers })
    t.event('k', '{"n":2000}', { headers })
    t.event('k', '{"n":1}')
    expect(t.outputs.map(({ topic, value }) => [topic, Buffer.from(value as Uint8Array).toString('hex')])).toEqual([
      ['dead', 'fffe'],
      ['dead', Buffer.from('{"n":-1}').toString('hex')],
      ['dead', Buffer.from('{"n":2000}').toString('hex')],
      ['out', '78'],
    ])
    for (const { headers: all } of t.outputs.slice(0, 3)) expect(all[0]).toEqual(headers[0])
    expect(t.deadLetters('dead')).toMatchObject([
      { reason: 'undecodable', application: 'app', origin: { topic: 'events', partition: 2, offset: 0 }, ageMs: 0 },
      { reason: 'function-threw', message: expect.stringContaining('negative') },
      {
        reason: 'too-large',
        message: expect.stringMatching(/a result takes up to \d+ bytes, but out accepts only \d+ /),
      },
    ])
    expect(t.totals.deadLettered).toEqual({ undecodable: 1, 'function-threw': 1, 'too-large': 1 })
  })

  it('is undecodable when only its key is', () => {
    const t = new OperatorHarness(stream(topic('events', serdes), { onError: deadLetter }).to(out))
    t.process([{ ...t.record('k', 'v'), key: Buffer.from([0xc0]) }])
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'undecodable' }])
    expect(t.outputs[0]?.key).toEqual(Buffer.from([0xc0]))
  })

  it('is function-threw when a user function fails to decode other data', () => {
    const pipeline = stream(events, { onError: deadLetter })
      .mapValues((value) => json<string>().decode(Buffer.from(value)))
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', '{')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'function-threw' }])
  })

  it('is function-threw when its result cannot be written', () => {
    const pipeline = stream(events, { onError: deadLetter })
      .mapValues(() => '\ud800')
      .to(out)
    const t = new OperatorHarness(pipeline)
    t.event('k', 'v')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'function-threw' }])
  })

  it('is function-threw when ready or a joiner throws, also when a row wakes the event', () => {
    const fails = (): never => {
      throw new Error('no')
    }
    const pipelines = [
      stream(events, { onError: deadLetter }).join(table(left), fails, { wait: { atMost: '1m', otherwise: 'drop' } }),
      stream(events, { onError: deadLetter }).join(table(left), concat, {
        wait: { atMost: '1m', otherwise: 'drop', ready: fails },
      }),
    ]
    for (const pipeline of pipelines) {
      const t = new OperatorHarness(pipeline.to(out))
      t.event('k', 'v')
      t.now += 9
      t.row('left', 'k', 'row')
      t.event('k', 'w')
      expect(t.deadLetters('dead')).toMatchObject([
        { reason: 'function-threw', ageMs: 9 },
        { reason: 'function-threw', ageMs: 0 },
      ])
    }
  })

  it('is undecodable when its row is', () => {
    const t = new OperatorHarness(stream(events, { onError: deadLetter }).join(table(left), concat).to(out))
    t.rows.get('left')?.set('k', Buffer.from([0xff]))
    t.event('k', 'v')
    expect(t.deadLetters('dead')).toMatchObject([{ reason: 'undecodable' }])
  })

  it('halts when its dead letter is too large for the topic', () => {
    const limit = { partitions: 1, maxMessageBytes: 500 }
    const t = new OperatorHarness(failing(deadLetter), { outputs: { dead: limit } })
    const value = `{"n":-1}${' '.repeat(1_000)}`
    expect(() => t.event('k', value)).toThrow(expect.objectContaining({ code: 'RECORD_TOO_LARGE' }))
  })

  it('gives dead letters without a key the origin partition modulo the count', () => {
    const t = new OperatorHarness(failing(deadLetter), {
      partition: 5,
      outputs: { dead: { partitions: 3, maxMessageBytes: 10_000 } },
    })
    t.event(null, '{')
    expect(t.outputs).toMatchObject([{ topic: 'dead', partition: 2, key: null }])
  })
})

describe('a timestamp', () => {
  it('is clamped to an hour ahead, and counted, if brokers would refuse it', () => {
    const t = new OperatorHarness(
      stream(events, { onError: deadLetter })
        .mapValues((v) => v)
        .to(out),
    )
    t.event('k', 'v', { timestamp: t.now + 3_600_000 })
    t.event('k', 'v', { timestamp: t.now + 3_600_001 })
    t.event('k', Buffer.from([0xff]), { timestamp: Number.MAX_SAFE_INTEGER })
    expect(t.outputs.map(({ timestamp }) => timestamp - t.now)).toEqual([3_600_000, 3_600_000, 3_600_000])
    expect(t.totals).toMatchObject({ emitted: 2, clamped: 2 })
  })

  it('in the past is kept', () => {
    const t = new OperatorHarness(
      stream(events)
        .mapValues((v) => v)
        .to(out),
    )
    t.event('k', 'v', { timestamp: 0 })
    expect(t.outputs[0]?.timestamp).toBe(0)
  })
})

describe('an event that was a dead letter before', () => {
  const former = [
    ['mine', Buffer.from('1')],
    ['joinery-reason', Buffer.from('no-row')],
    ['joinery-origin', Buffer.from('before/x/0/1')],
    ['joinery-age-ms', Buffer.from('1800000')],
    ['joinery-table', Buffer.from('rows')],
    ['joinery-error', Buffer.from('old')],
    ['joinery-call-id', Buffer.from('x/0/1')],
    ['joinery-call-token', Buffer.from('t')],
    ['joinery-call-claimant', Buffer.from('{}')],
    ['joinery-call-finished', Buffer.from('true')],
  ] as const

  it('has an output that is not a dead letter, nor a call in doubt', () => {
    const t = new OperatorHarness(inner())
    t.row('left', 'k', 'row')
    t.event('k', 'v', { headers: former })
    const headers = t.outputs[0]?.headers ?? []
    expect(headerTexts(headers)).toEqual([
      ['mine', '1'],
      ['joinery-origin', 'app/events/2/1'],
    ])
    expect([deadLetterInfo(headers), inDoubtInfo(headers)]).toEqual([undefined, undefined])
  })

  it('has one set of headers if it is dead-lettered again', () => {
    const t = new OperatorHarness(waiting({ maxRecords: 1, whenFull: deadLetter }))
    t.event('a', 'v')
    t.event('k', 'v', { headers: former })
    expect(headerTexts(t.outputs[0]?.headers ?? [])).toEqual([
      ['mine', '1'],
      ['joinery-reason', 'wait-buffer-full'],
      ['joinery-origin', 'app/events/2/1'],
      ['joinery-age-ms', '0'],
      ['joinery-table', 'left'],
    ])
  })

  it('keeps headers of these names if no hop of Joinery has written them', () => {
    const t = new OperatorHarness(leftJoin())
    t.event('k', 'v', { headers: [['joinery-table', Buffer.from('mine')]] })
    expect(headerTexts(t.outputs[0]?.headers ?? [])).toEqual([
      ['joinery-table', 'mine'],
      ['joinery-origin', 'app/events/2/0'],
    ])
  })
})

describe('joinery-origin', () => {
  it('is overwritten at each hop, and never present twice', () => {
    const t = new OperatorHarness(
      stream(events)
        .mapValues((v) => v)
        .to(out),
    )
    const before = Buffer.from('before/x/0/1')
    t.event('k', 'v', {
      headers: [
        ['joinery-origin', before],
        ['a', null],
        ['joinery-origin', before],
      ],
    })
    expect(headerTexts(t.outputs[0]?.headers ?? [])).toEqual([
      ['a', null],
      ['joinery-origin', 'app/events/2/0'],
    ])
  })
})
