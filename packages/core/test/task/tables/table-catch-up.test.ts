import { describe, expect, it } from 'vitest'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import type { EndOffset } from '../../../src/task/end-offset.js'
import type { InputPartition } from '../../../src/task/input-partition.js'
import type { TaskStore } from '../../../src/task/stores/task-store.js'
import { SlowRebuilds } from '../../../src/task/tables/slow-rebuilds.js'
import { type EndRequestTime, TableCatchUp } from '../../../src/task/tables/table-catch-up.js'
import type { TopicFreshness } from '../../../src/task/tables/topic-freshness.js'

/** The log's clock is far from the anchored time that deadlines are compared with. */
const LOG_TIME = 700_000

/** A table read to offset 5, and an end offset that is reached when the test says so. */
function catchingUp(inChangelog: boolean, hasTombstones = false) {
  const requests: unknown[] = []
  const reachedAt: number[] = []
  const is = {
    reached: undefined as EndRequestTime | undefined,
    awaited: false,
    retryAt: 0,
    refreshAt: Number.POSITIVE_INFINITY,
    stale: false,
  }
  const end = {
    request: (...request: unknown[]) => requests.push(request),
    reached: (next: number) => (next === 5 ? is.reached : undefined),
    get requested() {
      return is.awaited ? { requestedAt: { time: 0, logTime: 0 }, end: undefined } : undefined
    },
    get retryAt() {
      return is.retryAt
    },
  } as unknown as EndOffset<EndRequestTime>
  const store = {
    get refreshAt() {
      return is.refreshAt
    },
    isStale: (now: number) => is.stale && now === LOG_TIME,
    isSaveDue: true,
    reached: (time: number) => reachedAt.push(time),
  } as unknown as TaskStore
  const input = { topic: 'rows', partition: 3, next: 5 } as InputPartition
  const table = new TableCatchUp({
    input,
    store,
    inChangelog,
    freshness: hasTombstones ? (store as unknown as TopicFreshness) : undefined,
    end,
    logTimeMs: () => LOG_TIME,
    slowRebuilds: new SlowRebuilds(),
  })
  const catchUp = () => {
    is.reached = { time: 40, logTime: 400 }
    table.reached(undefined)
    is.reached = undefined
    reachedAt.length = 0
  }
  return { table, is, requests, reachedAt, catchUp }
}

describe.each([
  ['is its own changelog', false],
  ['has its rows in the changelog', true],
])('a table that %s', (_, inChangelog) => {
  it('has caught up once the first end offset is reached, and stays so', () => {
    const { table, is, reachedAt } = catchingUp(inChangelog)
    expect([table.hasCaughtUp, table.reached(undefined)]).toEqual([false, undefined])
    expect(table.hasExactRows).toBe(inChangelog)
    is.reached = { time: 40, logTime: 400 }
    expect(table.reached(undefined)).toEqual({ time: 40, logTime: 400, isFirst: true })
    expect([table.hasCaughtUp, table.hasExactRows]).toEqual([true, true])
    is.reached = { time: 50, logTime: 500 }
    expect(table.reached(undefined)).toEqual({ time: 50, logTime: 500, isFirst: false })
    // a store that follows the changelog says nothing of how far the table was read
    expect(reachedAt).toEqual(inChangelog ? [] : [400, 500])
  })

  it('is stored once the batch is in which it caught up', () => {
    const { table, is } = catchingUp(inChangelog)
    const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
    expect(table.isStored(work)).toBe(false)
    work.current.touch(1)
    is.reached = { time: 40, logTime: 400 }
    table.reached(work.newest)
    expect(table.isStored(work)).toBe(false)
    work.take()
    work.current.touch(2)
    table.reached(work.newest) // a later end offset changes nothing
    expect(table.isStored(work)).toBe(false)
    work.stored()
    expect(table.isStored(work)).toBe(true)
  })

  it('is stored at once if nothing was uncommitted when it caught up', () => {
    const { table, catchUp } = catchingUp(inChangelog)
    catchUp()
    expect(table.isStored(new UncommittedWork(() => new WriteBatch('$waiters', () => 0)))).toBe(true)
  })

  it('needs an end offset of what can be read at once until it has caught up', () => {
    const { table, is, requests } = catchingUp(inChangelog)
    is.retryAt = 9
    expect(table.requestAt(50, 1_000, undefined)).toBe(1_000)
    expect(table.requestAt(50, 8, undefined)).toBe(9) // after a request that failed
    table.requestIfNeeded(50, undefined)
    expect(requests).toEqual([[{ time: 50, logTime: LOG_TIME }, 'last-stable-offset']])
    is.awaited = true
    expect(table.requestAt(50, 1_000, undefined)).toBeUndefined()
  })

  it('needs one at the earliest deadline then, with the rows of open transactions', () => {
    const { table, is, requests, catchUp } = catchingUp(inChangelog)
    catchUp()
    expect(table.requestAt(50, 1_000, undefined)).toBeUndefined()
    expect(table.requestAt(50, 1_000, 80)).toBe(1_030)
    table.requestIfNeeded(50, undefined)
    table.requestIfNeeded(79, 80)
    expect(requests).toEqual([])
    table.requestIfNeeded(80, 80)
    expect(requests).toEqual([[{ time: 80, logTime: LOG_TIME }, 'high-watermark']])
    is.awaited = true
    expect(table.requestAt(50, 1_000, 80)).toBeUndefined()
  })
})

describe('a store that has to be refreshed', () => {
  it('needs an end offset if it follows the topic', () => {
    const { table, is, requests, catchUp } = catchingUp(false)
    catchUp()
    is.refreshAt = LOG_TIME + 20
    expect(table.requestAt(50, 1_000, undefined)).toBe(1_020)
    expect([table.requestAt(50, 1_000, 69), table.requestAt(50, 1_000, 71)]).toEqual([1_019, 1_020])
    table.requestIfNeeded(50, undefined)
    expect(requests).toEqual([])
    is.refreshAt = LOG_TIME
    table.requestIfNeeded(50, undefined)
    expect(requests).toEqual([[{ time: 50, logTime: LOG_TIME }, 'high-watermark']])
  })

  it('needs one if rows are in the changelog, and the topic removes tombstones', () => {
    const { table, is, requests, catchUp } = catchingUp(true, true)
    catchUp()
    is.refreshAt = LOG_TIME
    table.requestIfNeeded(50, undefined)
    expect(requests).toEqual([[{ time: 50, logTime: LOG_TIME }, 'high-watermark']])
  })

  it('needs none if it follows the changelog', () => {
    const { table, is, requests, catchUp } = catchingUp(true)
    catchUp()
    is.refreshAt = LOG_TIME
    expect(table.requestAt(50, 1_000, undefined)).toBeUndefined()
    table.requestIfNeeded(50, undefined)
    expect(requests).toEqual([])
  })
})

describe('a store that is stale', () => {
  it('is rejected if it follows the topic: the task is opened again, and reads the table from its beginning', () => {
    const { table, is } = catchingUp(false)
    expect(() => table.rejectIfStale()).not.toThrow()
    is.stale = true
    expect(() => table.rejectIfStale()).toThrow(
      expect.objectContaining({
        code: 'STORE_BEHIND',
        retriable: true,
        topic: 'rows',
        partition: 3,
        message: expect.stringContaining('table rows[3] has not been read to its end for more than half'),
      }),
    )
  })

  it('is rejected if rows are in the changelog, but deletions in the topic were missed', () => {
    const { table, is, catchUp } = catchingUp(true, true)
    catchUp()
    expect([table.isStale, table.isSaveDue]).toEqual([false, true])
    is.stale = true
    expect(() => table.rejectIfStale()).toThrow(
      expect.objectContaining({ code: 'STORE_BEHIND', message: expect.stringContaining('comparing its rows') }),
    )
  })

  it('is none if it follows the changelog, whose tombstones it has read, and the topic has none', () => {
    const { table, is } = catchingUp(true)
    is.stale = true
    expect(() => table.rejectIfStale()).not.toThrow()
    expect([table.isStale, table.isSaveDue]).toEqual([false, false])
  })
})
