import { describe, expect, it } from 'vitest'
import { callKey, OWNER_KEY, POSITION_KEY, rowKey, rowValue, waiterKey } from '../../../src/changelog/keys.js'
import { encodePosition } from '../../../src/changelog/position-record.js'
import { encodeStorePosition } from '../../../src/changelog/store-position.js'
import { JoineryError, memoryLog } from '../../../src/index.js'
import type { ChangelogRecord, LogSource, TaskSession } from '../../../src/log.js'
import type { Awaitable, Change, StateStore } from '../../../src/store.js'
import { restoreChangelog } from '../../../src/task/restore/restore-changelog.js'
import { restoreTable } from '../../../src/task/restore/restore-table.js'
import { TaskStore } from '../../../src/task/stores/task-store.js'

const APPLICATION = 'app'
const never = new AbortController().signal
const position = (next: number) => ({
  writtenAt: 1,
  inputs: { in: { id: 'i', next } },
  partitions: 1,
  hash: 'h',
  totals: {},
})
const POSITION = (next: number): ChangelogRecord => ({ key: POSITION_KEY, value: encodePosition(position(next)) })
const waiter = (offset: number, value: string | null): ChangelogRecord => ({
  key: waiterKey('p', offset),
  value: value === null ? null : Buffer.from(value),
})
const row = (table: string, key: string, value: string | null): ChangelogRecord => ({
  key: rowKey(table, Buffer.from(key)),
  value: value === null ? null : rowValue(Buffer.from(value)),
})
const call = (id: string): ChangelogRecord => ({ key: callKey('c', id), value: Buffer.from('call') })

/** A store that shows what it was given. */
class Shown implements StateStore {
  position: string | undefined
  readonly commits: (readonly Change[])[] = []
  readonly #answers: (value: undefined) => Awaitable<undefined>

  constructor(position?: string, answers: (value: undefined) => Awaitable<undefined> = (value) => value) {
    this.position = position
    this.#answers = answers
  }

  get changes(): [key: string, value: string | null][] {
    return this.commits.flat().map(({ key, value }) => [String(key), value && String(value)])
  }

  getMany() {
    return []
  }

  commit(changes: readonly Change[], position: string) {
    this.commits.push([...changes])
    this.position = position
    return this.#answers(undefined)
  }

  entries() {
    return []
  }

  clear() {
    this.position = undefined
  }

  close() {}
}

async function world() {
  const log = memoryLog()
  await log.tasks.prepare({ application: APPLICATION, partitions: 1, maxMessageBytes: 1_000_000 })
  const open = () => log.tasks.open({ application: APPLICATION, task: 0 })
  const [info] = await log.source.describe([`${APPLICATION}-changelog`])
  if (info === undefined) throw new Error('no changelog')
  const following = (store: Shown) => new TaskStore('store', store, info, () => {})
  return {
    log,
    info,
    following,
    /** A task commits that and ends. Answers the offset of its last record. */
    async wrote(...changelog: readonly ChangelogRecord[]): Promise<number> {
      const session = await open()
      const result = await session.commit({ outputs: [], changelog, offsets: new Map() })
      if (result.outcome !== 'committed') throw new Error(result.outcome)
      return result.changelogOffset
    },
    open,
    async restored(
      stores: { readonly waiters: Shown; readonly rows?: Shown; readonly calls?: Shown },
      session?: TaskSession,
      read = log.source.read,
    ) {
      return restoreChangelog(
        { ...log.source, read },
        session ?? (await open()),
        {
          waiters: following(stores.waiters),
          rows: new Map(stores.rows && [['t', following(stores.rows)]]),
          calls: stores.calls && following(stores.calls),
        },
        never,
      )
    },
    at: (offset: number) => encodeStorePosition({ topic: info.id, offset, caughtUpAt: Date.now() }),
  }
}

describe('a changelog', () => {
  it('of a task that has never committed has nothing', async () => {
    const { restored } = await world()
    const waiters = new Shown()
    expect(await restored({ waiters })).toBeUndefined()
    expect(waiters.changes).toEqual([])
  })

  it('brings each store up to the end, and has the last POSITION', async () => {
    const { wrote, restored } = await world()
    await wrote(waiter(5, 'five'), row('t', 'a', 'A'), row('gone', 'a', 'B'), POSITION(1))
    await wrote(waiter(6, 'six'), waiter(5, null), row('t', 'b', ''), row('t', 'a', null), call('1'), POSITION(2))
    const [waiters, rows, calls] = [new Shown(), new Shown(), new Shown()]
    expect(await restored({ waiters, rows, calls })).toEqual(position(2))
    expect(waiters.changes).toEqual(
      [waiter(5, 'five'), waiter(6, 'six'), waiter(5, null)].map(({ key, value }) => [
        String(key),
        value && String(value),
      ]),
    )
    expect(rows.changes).toEqual([
      ['a', 'A'],
      ['b', ''],
      ['a', null],
    ])
    expect(calls.changes).toEqual([[String(callKey('c', '1')), 'call']])
  })

  it('gives a store that is ahead nothing that it has seen', async () => {
    const { wrote, restored, at } = await world()
    const first = await wrote(waiter(5, 'five'), row('t', 'a', 'old'), POSITION(1))
    const second = await wrote(row('t', 'a', 'new'), waiter(5, null), POSITION(2))
    // its next record is the first of the second commit
    const [waiters, rows] = [new Shown(at(first)), new Shown(at(second - 2))]
    expect(await restored({ waiters, rows })).toEqual(position(2))
    expect(waiters.changes).toEqual([[String(waiterKey('p', 5)), null]])
    expect(rows.changes).toEqual([['a', 'new']])
    const after = new Shown(at(second - 1))
    await restored({ waiters: new Shown(at(first)), rows: after })
    expect(after.changes).toEqual([])
  })

  it('is read from where the store begins that has seen least', async () => {
    const { wrote, restored, at } = await world()
    const first = await wrote(waiter(5, 'five'), POSITION(1))
    const second = await wrote(waiter(5, null), row('t', 'a', 'A'), POSITION(2))
    for (const order of ['waiters', 'rows'] as const) {
      const stores = { waiters: new Shown(at(second)), rows: new Shown(at(second)), [order]: new Shown(at(first)) }
      expect(await restored(stores)).toEqual(position(2))
      expect(stores.waiters.changes.length + stores.rows.changes.length).toBe(1)
    }
  })

  it('may contain records of others, without a key or a value', async () => {
    const { log, wrote, restored } = await world()
    await wrote(waiter(5, 'five'), POSITION(1))
    const other = { topic: `${APPLICATION}-changelog`, timestamp: 0, headers: [], value: null }
    await log.sink.append([
      { ...other, key: null },
      { ...other, key: OWNER_KEY },
    ])
    const waiters = new Shown()
    expect(await restored({ waiters })).toEqual(position(1))
    expect(waiters.changes).toHaveLength(1)
  })

  it('that has no POSITION behind where a store has been is refused', async () => {
    const { wrote, restored, at } = await world()
    const last = await wrote(waiter(5, 'five'), POSITION(1))
    await expect(restored({ waiters: new Shown(at(last + 1)) })).rejects.toMatchObject({
      code: 'CHANGELOG_INVALID',
      topic: 'app-changelog',
      partition: 0,
      message: expect.stringContaining(`no POSITION between offset ${last + 1} and ${last + 2} of app-changelog[0]`),
    })
  })

  it('whose POSITIONs were compacted because a later owner has committed is lost to that owner', async () => {
    const { log, wrote, restored, open, at } = await world()
    const last = await wrote(POSITION(1))
    const session = await open()
    await wrote(POSITION(2))
    // compaction has removed the first POSITION
    const read: LogSource['read'] = async function* (from, signal) {
      for await (const batch of log.source.read(from, signal)) {
        yield { ...batch, records: batch.records.filter(({ offset }) => offset > session.token.offset) }
      }
    }
    const restoring = restored({ waiters: new Shown(at(last)) }, session, read)
    await expect(restoring).rejects.toMatchObject({
      code: 'TASK_LOST',
      retriable: true,
      topic: 'app-changelog',
      partition: 0,
    })
  })

  it('is given to stores in parts, so that memory stays bounded', async () => {
    const { wrote, restored } = await world()
    const count = 12_345
    for (let from = 0; from < count; from += 1_000) {
      const many = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => row('t', `k${from + i}`, 'v'))
      await wrote(...many, POSITION(from))
    }
    const rows = new Shown()
    await restored({ waiters: new Shown(), rows })
    expect(rows.changes.map(([key]) => key)).toEqual(Array.from({ length: count }, (_, i) => `k${i}`))
    expect(Math.max(...rows.commits.map(({ length }) => length))).toBeLessThan(count / 2)
    expect(rows.commits.slice(0, -1).every(({ length }) => length >= 5_000)).toBe(true)
  })
})

describe.each([
  ['at once', undefined, 1_000],
  ['later', async () => undefined, 5_000],
])('a table whose store answers %s', (_, answers, part) => {
  it('is rebuilt from its topic in parts, up to an offset', async () => {
    const { log, following } = await world()
    const count = 12_345
    const records = Array.from({ length: count }, (_unused, i) => ({
      topic: 'rows',
      partition: 0,
      key: i === 7 ? null : Buffer.from(`k${i}`),
      value: Buffer.from(i === 9 ? 'bad' : 'v'),
      timestamp: 0,
      headers: [],
    }))
    await log.sink.append(records)
    const store = new Shown(undefined, answers)
    const isRow = ({ value }: Change) => String(value) !== 'bad'
    const at = { topic: 'rows', partition: 0 }
    const restored = await restoreTable({
      source: log.source,
      at,
      store: following(store),
      to: { next: count - 5 },
      now: 0,
      signal: never,
      isRow,
    })
    const expected = records.slice(0, count - 5).filter((record, i) => record.key !== null && i !== 9)
    expect(restored).toBe(expected.length)
    expect(store.changes.map(([key]) => key)).toEqual(expected.map(({ key }) => String(key)))
    const sizes = store.commits.map(({ length }) => length)
    expect(Math.max(...sizes)).toBeLessThan(count / 2)
    expect(sizes.slice(1, -1).every((size) => size >= part)).toBe(true)
    expect(JSON.parse(store.position ?? '')).toMatchObject({ offset: count - 5 })
    expect(
      await restoreTable({
        source: log.source,
        at,
        store: following(new Shown()),
        to: { next: 0 },
        now: 0,
        signal: never,
        isRow: undefined,
      }),
    ).toBe(0)
  })
})

describe('the rows of a topic that was truncated since', () => {
  const at = { topic: 'rows', partition: 0 }
  const EPOCHS = [0, 10] // the log was truncated to 10, and has grown again
  const source: LogSource = {
    describe: async () => [],
    endOffset: async () => 20,
    earliestOffset: async () => 0,
    async *read({ offset, leaderEpoch = 1 }) {
      if (leaderEpoch === 0 && offset > (EPOCHS[1] as number))
        throw new JoineryError('OFFSET_OUT_OF_RANGE', 'truncated')
      const records = Array.from({ length: 20 - offset }, (_, i) => ({
        ...at,
        offset: offset + i,
        key: Buffer.from(`k${offset + i}`),
        value: Buffer.from('row'),
        timestamp: 0,
        headers: [],
      }))
      yield { records, next: 20, end: 20, leaderEpoch: 1 }
    },
  }
  const restored = async (stored: { readonly offset: number; readonly leaderEpoch?: number }) => {
    const { following, info } = await world()
    const store = new Shown(encodeStorePosition({ topic: info.id, ...stored, caughtUpAt: 1 }))
    const to = { next: 20, leaderEpoch: 1 }
    const options = { source, at, to, now: 1, signal: never, isRow: undefined }
    return { store, restore: () => restoreTable({ ...options, store: following(store) }) }
  }

  it.each([
    ['from before the truncation', { offset: 15, leaderEpoch: 0 }],
    ['that had reached the position by then', { offset: 20, leaderEpoch: 0 }],
  ])('are not those of a store %s: it is restored from the beginning', async (_, stored) => {
    const { store, restore } = await restored(stored)
    await expect(restore()).rejects.toMatchObject({ code: 'STORE_BEHIND', retriable: true, topic: 'rows' })
    expect(await restore()).toBe(20)
    expect(store.changes).toHaveLength(20)
    expect(JSON.parse(store.position ?? '')).toMatchObject({ offset: 20, leaderEpoch: 1 })
  })

  it.each([
    ['from before what was lost', { offset: 10, leaderEpoch: 0 }, 10],
    ['from after it', { offset: 15, leaderEpoch: 1 }, 5],
    ['that does not know', { offset: 15 }, 5],
    ['that has reached the position', { offset: 20, leaderEpoch: 1 }, 0],
  ])('are added to those of a store %s', async (_, stored, count) => {
    const { restore } = await restored(stored)
    expect(await restore()).toBe(count)
  })

  it('are not waited for if the topic loses its end meanwhile', async () => {
    const { following } = await world()
    let isLost = false
    const shorter: LogSource = {
      ...source,
      async *read({ offset }) {
        if (offset > 10) throw new JoineryError('OFFSET_OUT_OF_RANGE', 'truncated')
        isLost = true
        yield { records: [], next: 10, end: 10 }
        await new Promise(() => {})
      },
    }
    const store = following(new Shown())
    const options = { source: shorter, at, to: { next: 20 }, store, now: 1, signal: never, isRow: undefined }
    await expect(restoreTable(options)).rejects.toMatchObject({ code: 'STORE_BEHIND', retriable: true })
    expect(isLost).toBe(true)
  })
})
