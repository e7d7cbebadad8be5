import { describe, expect, it } from 'vitest'
import { UncommittedWork } from '../../src/task/uncommitted-work.js'

const KEY = Buffer.from('k')
const MIB = 2 ** 20

describe('the size of uncommitted work', () => {
  it('counts rows of tables, whose values stay in memory until the commit though they are not sent', () => {
    const work = new UncommittedWork('$waiters', () => 0)
    work.putRow('rows', { key: KEY, value: Buffer.alloc(MIB) })
    expect(work.bytes).toBeGreaterThanOrEqual(MIB)
  })

  it('counts a waiting event once: store and changelog share its bytes', () => {
    const work = new UncommittedWork('$waiters', () => 0)
    work.putState(KEY, Buffer.alloc(MIB))
    expect(work.bytes).toBeGreaterThanOrEqual(MIB)
    expect(work.bytes).toBeLessThan(1.1 * MIB)
  })

  it('counts outputs as it is told', () => {
    const work = new UncommittedWork('$waiters', () => 0)
    work.output({ topic: 'out', key: KEY, value: KEY, timestamp: 0, headers: [] }, 120)
    expect(work.bytes).toBe(120)
  })
})
