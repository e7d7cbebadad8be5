import { describe, expect, it } from 'vitest'
import { decodeStorePosition, encodeStorePosition } from '../../../src/changelog/store-position.js'
import type { Awaitable, Change, StateStore } from '../../../src/store.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'

const DAY = 86_400_000
const FOLLOWS = { topic: 'rows', id: 'id', partitions: 4, cleanup: 'compact', deleteRetentionMs: DAY } as const
const NOW = 10 * DAY

/** A store that remembers what it is asked; `answers` later if it is told to. */
class FakeStore implements StateStore {
  position: string | undefined
  lostRows = 0
  readonly commits: [changes: readonly Change[], position: string][] = []
  clears = 0
  readonly #answers: <T>(value: T) => Awaitable<T>

  constructor(answers: <T>(value: T) => Awaitable<T> = (value) => value) {
    this.#answers = answers
  }

  getMany(keys: readonly Uint8Array[]) {
    return this.#answers(keys.map(() => undefined))
  }

  commit(changes: readonly Change[], position: string) {
    this.commits.push([changes, position])
    return this.#answers(undefined)
  }

  entries() {
    return []
  }

  clear() {
    this.clears++
    return this.#answers(undefined)
  }

  close() {}
}

function following(store: FakeStore) {
  const lost: [string, number][] = []
  const follows = { ...FOLLOWS, maxMessageBytes: 1_000 }
  return {
    lost,
    task: new TaskStore('rows', store, follows, (name, rows) => lost.push([name, rows])),
  }
}

const at = (offset: number, more: { readonly topic?: string; readonly caughtUpAt?: number } = {}) =>
  encodeStorePosition({ topic: 'id', offset, caughtUpAt: NOW, ...more })

describe('where a replay begins', () => {
  it.each([
    ['inside of the log', at(50), 50],
    ['at its beginning', at(10), 10],
    ['at its end', at(100), 100],
    ['with what is just fresh enough', at(50, { caughtUpAt: NOW - DAY / 2 }), 50],
  ])('goes on from the store: %s', async (_, position, expected) => {
    const store = new FakeStore()
    store.position = position
    expect(await following(store).task.replayFrom(10, 100, NOW)).toBe(expected)
    expect(store.clears).toBe(0)
  })

  it.each([
    ['without a position', undefined],
    ['of another topic', at(50, { topic: 'another' })],
    ['from before the beginning of the log', at(9)],
    ['from behind its end', at(101)],
    ['from too long ago', at(50, { caughtUpAt: NOW - DAY / 2 - 1 })],
    ['with a position that nobody can read', '{'],
  ])('is the beginning of the log for a store %s, which is emptied', async (_, position) => {
    const store = new FakeStore()
    store.position = position
    expect(await following(store).task.replayFrom(10, 100, NOW)).toBe(10)
    expect(store.clears).toBe(1)
  })
})

describe('how fresh a store is', () => {
  it('is as of when it was emptied, or as of the latest end that it has reached', async () => {
    const { task } = following(new FakeStore())
    await task.replayFrom(0, 0, NOW)
    expect(task.refreshAt).toBe(NOW + DAY / 8)
    task.reached(NOW + 5)
    task.reached(NOW + 4)
    expect(task.refreshAt).toBe(NOW + 5 + DAY / 8)
    expect([task.isStale(NOW + 5 + DAY / 2), task.isStale(NOW + 6 + DAY / 2)]).toEqual([false, true])
  })

  it('is written down with each commit, and without one after an eighth of what tombstones have', async () => {
    const store = new FakeStore()
    store.position = at(50)
    const { task } = following(store)
    await task.replayFrom(10, 100, NOW)
    expect(task.isSaveDue).toBe(false)
    task.reached(NOW + DAY / 8 - 1)
    expect(task.isSaveDue).toBe(false)
    task.reached(NOW + DAY / 8)
    expect(task.isSaveDue).toBe(true)
    const changes = [{ key: Buffer.from('k'), value: null }]
    await task.commit(changes, 77)
    expect(task.isSaveDue).toBe(false)
    const [[written, position] = []] = store.commits
    expect(written).toEqual(changes)
    expect(decodeStorePosition(position)).toEqual({ topic: 'id', offset: 77, caughtUpAt: NOW + DAY / 8 })
  })
})

describe.each([
  ['at once', undefined],
  ['later', <T>(value: T) => Promise.resolve(value)],
])('a store that answers %s', (_, answers) => {
  it('tells how many rows it has let go since it was last asked', async () => {
    const store = new FakeStore(answers)
    const { task, lost } = following(store)
    for (const lostRows of [0, 3, 3, 10]) {
      store.lostRows = lostRows
      await task.commit([], 1)
    }
    expect(lost).toEqual([
      ['rows', 3],
      ['rows', 7],
    ])
  })
})
