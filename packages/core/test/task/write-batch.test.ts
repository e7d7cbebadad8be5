import { describe, expect, it } from 'vitest'
import { WriteBatch } from '../../src/task/write-batch.js'

const KEY = Buffer.from('k')
const MIB = 2 ** 20

describe('the size of a batch', () => {
  it('counts rows of tables, whose values stay in memory until the commit though they are not sent', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    batch.putRow('rows', { key: KEY, value: Buffer.alloc(MIB) })
    expect(batch.bytes).toBeGreaterThanOrEqual(MIB)
    expect(batch.logBytes).toBe(0)
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

describe('what happens after a commit', () => {
  it('runs in the order in which it was asked for, and only once the batch is committed', () => {
    const batch = new WriteBatch('$waiters', () => 0)
    const ran: unknown[] = []
    batch.afterCommit((commit) => ran.push(['first', commit]))
    batch.afterCommit(() => ran.push('second'))
    expect(ran).toEqual([])
    batch.committed({ sentAt: 5, mayCall: true })
    expect(ran).toEqual([['first', { sentAt: 5, mayCall: true }], 'second'])
  })
})
