import { describe, expect, it } from 'vitest'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'

const KEY = Buffer.from('k')
const MIB = 2 ** 20

describe('the size of a batch', () => {
  it('counts rows of tables, whose values stay in memory until the commit though they are not sent', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    batch.putRow('rows', { key: KEY, value: Buffer.alloc(MIB) })
    expect(batch.bytes).toBeGreaterThanOrEqual(MIB)
    expect(batch.logBytes).toBe(0)
  })

  it('counts each record that is written, deletions included, and each row that is held', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    batch.appendChangelog(Buffer.alloc(MIB), null)
    expect(batch.logBytes).toBeGreaterThan(MIB)
    batch.appendChangelog(Buffer.alloc(MIB, 1), Buffer.alloc(MIB))
    expect(batch.logBytes).toBeGreaterThan(3 * MIB)
    expect(batch.bytes).toBe(batch.logBytes)
    batch.putRow('rows', { key: Buffer.alloc(MIB), value: null })
    expect(batch.bytes - batch.logBytes).toBeGreaterThanOrEqual(MIB)
    expect(batch.bytes).toBeLessThan(4.1 * MIB)
  })

  it('counts a waiting event once: store and changelog share its bytes', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    batch.putState(KEY, Buffer.alloc(MIB))
    expect(batch.bytes).toBeGreaterThanOrEqual(MIB)
    expect(batch.bytes).toBeLessThan(1.1 * MIB)
    expect(batch.logBytes).toBe(batch.bytes)
  })

  it('counts outputs with the size that it is given', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    batch.output({ topic: 'out', key: KEY, value: KEY, timestamp: 0, headers: [] }, 120)
    expect(batch.bytes).toBe(120)
    expect(batch.logBytes).toBe(120)
  })
})

describe('a batch', () => {
  const text = (bytes: Uint8Array | null) => bytes && String(Buffer.from(bytes))

  it('is empty until records are consumed, and as old as the first of them', () => {
    const batch = new WriteBatch('$waiters', () => 7)
    expect([batch.isEmpty, batch.since, batch.isUrgent, batch.logTimeMs]).toEqual([true, undefined, false, 7])
    batch.touch(5)
    batch.touch(6)
    expect([batch.isEmpty, batch.since]).toEqual([false, 5])
  })

  it('writes only the last changelog record with a key, and the last change of a key to each store', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    const [a, b] = [Buffer.from('a'), Buffer.from('b')]
    batch.putState(a, Buffer.from('1'))
    batch.putState(b, Buffer.from('2'))
    batch.putState(a, null)
    batch.putCall(Buffer.from('c'), Buffer.from('3'))
    batch.putRow('rows', { key: a, value: Buffer.from('4') })
    batch.putRow('rows', { key: a, value: Buffer.from('5') })
    batch.appendChangelog(Buffer.from('d'), Buffer.from('6'))
    const entries = [...batch.changelog].map(({ key, value }) => [text(key), text(value)])
    expect(entries.sort()).toEqual([
      ['a', null],
      ['b', '2'],
      ['c', '3'],
      ['d', '6'],
    ])
    const changes = [...batch.stores].map(([store, of]) => [
      store,
      [...of.values()].map(({ key, value }) => [text(key), text(value)]),
    ])
    expect(changes).toEqual([
      [
        '$waiters',
        [
          ['a', null],
          ['b', '2'],
        ],
      ],
      ['$calls', [['c', '3']]],
      ['rows', [['a', '5']]],
    ])
  })

  it('passes outputs to the buffer of the session, if there is one, and counts their size all the same', () => {
    const added: unknown[] = []
    const buffer = { add: (record: unknown) => void added.push(record) }
    const batch = new WriteBatch('$waiters', () => 0, buffer)
    const output = { topic: 'out', key: KEY, value: KEY, timestamp: 0, headers: [] }
    batch.output(output, 120)
    expect([batch.buffered, added, batch.outputs, batch.bytes]).toEqual([buffer, [output], [], 120])
  })

  it('keeps a thousand outcomes for listeners', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    const origin = (offset: number) => ({ topic: 't', partition: 0, offset })
    for (let i = 0; i < 1_001; i++) batch.outcome({ type: 'dropped', reason: 'no-row', origin: origin(i) })
    expect(batch.outcomes).toHaveLength(1_000)
    expect(batch.outcomes.at(-1)).toMatchObject({ origin: origin(999) })
  })
})

describe('what happens after a commit', () => {
  it('runs in the order of registration, and only once the batch is committed', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    const ran: unknown[] = []
    batch.afterCommit((commit) => ran.push(['first', commit]))
    batch.afterCommit(() => ran.push('second'))
    expect(ran).toEqual([])
    batch.committed({ sentAt: 5, mayCall: true })
    expect(ran).toEqual([['first', { sentAt: 5, mayCall: true }], 'second'])
  })
})
