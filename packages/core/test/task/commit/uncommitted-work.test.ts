import { describe, expect, it } from 'vitest'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'

const newWork = () => new UncommittedWork(() => new WriteBatch('$waiters', () => 0))

describe('uncommitted work', () => {
  it('has one batch until a commit takes it; then effects go into a new one, which hides the one in flight', () => {
    const work = newWork()
    const first = work.current
    expect(work.batches).toEqual([first])
    expect(work.take()).toBe(first)
    expect(work.current).not.toBe(first)
    expect(work.batches).toEqual([work.current, first])
    expect([work.includes(first), work.includes(work.current)]).toEqual([true, true])
  })

  it('forgets a batch once the stores hold it', () => {
    const work = newWork()
    const first = work.take()
    work.stored()
    expect(work.batches).toEqual([work.current])
    expect(work.includes(first)).toBe(false)
  })

  it('names the newest batch with anything in it, and none when all is in the stores', () => {
    const work = newWork()
    expect(work.newest).toBeUndefined()
    work.current.touch(1)
    const first = work.current
    expect(work.newest).toBe(first)
    work.take()
    expect(work.newest).toBe(first)
    work.current.touch(2)
    expect(work.newest).toBe(work.current)
    work.stored()
    expect(work.newest).toBe(work.current)
  })

  it('counts the bytes of both batches', () => {
    const work = newWork()
    work.current.output({ topic: 'out', key: null, value: null, timestamp: 0, headers: [] }, 100)
    work.take()
    work.current.output({ topic: 'out', key: null, value: null, timestamp: 0, headers: [] }, 10)
    expect(work.bytes).toBe(110)
    work.stored()
    expect(work.bytes).toBe(10)
  })
})
