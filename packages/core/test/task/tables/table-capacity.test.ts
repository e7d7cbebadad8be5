import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../../src/record.js'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import { RowReader } from '../../../src/task/stores/row-reader.js'
import { StoredBytes } from '../../../src/task/stores/stored-bytes.js'
import { TableBounds } from '../../../src/task/tables/table-bounds.js'
import { type FullTable, TableCapacity } from '../../../src/task/tables/table-capacity.js'

const TOPIC = 'rows'

interface Process {
  readonly stored: StoredBytes
  readonly bounds: TableBounds
}

function newProcess(maxBytes: number | undefined, maxTableBytes?: number): Process {
  const stored = new StoredBytes()
  const tables = [TOPIC, 'prices'].map((topic) => ({ topic, maxBytes: topic === TOPIC ? maxBytes : undefined }))
  return { stored, bounds: new TableBounds(tables, maxTableBytes, stored) }
}

/** Offset 0, and a row with so many bytes: one of them is the key. `undefined` deletes. */
const record = (key: string | null, bytes: number | undefined): LogRecord => ({
  topic: TOPIC,
  partition: 3,
  offset: 0,
  key: key === null ? null : Buffer.from(key),
  value: bytes === undefined ? null : Buffer.alloc(bytes - 1),
  timestamp: 0,
  headers: [],
})

/** A task with the table, whose rows are stored when the test commits. */
function taskOf({ stored, bounds }: Process) {
  const rows = new Map<string, Uint8Array>()
  const store = {
    get storedBytes() {
      return [...rows].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    },
  }
  stored.opened(rows, new Map([[TOPIC, store]]))
  const reads: string[] = []
  const reader = new RowReader(TOPIC, (keys) => {
    reads.push(...keys.map(String))
    return keys.map((key) => rows.get(String(key)))
  })
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
  const changed: (FullTable | undefined)[] = []
  let wakes = 0
  const capacity = new TableCapacity({
    topic: TOPIC,
    bounds,
    rows: reader,
    wake: () => void wakes++,
    changed: (full) => changed.push(full),
  })
  return {
    capacity,
    reads,
    changed,
    wakes: () => wakes,
    /** Processes as many of the records as fit, and returns how many. */
    async process(...records: readonly LogRecord[]) {
      const count = await capacity.admit(records, work)
      for (const { key, value } of records.slice(0, count)) if (key !== null) work.current.putRow(TOPIC, { key, value })
      return count
    },
    commit() {
      for (const { key, value } of work.take().stores.get(TOPIC)?.values() ?? []) {
        if (value === null) rows.delete(String(key))
        else rows.set(String(key), value)
      }
      work.stored()
      capacity.committed(work)
    },
    close: () => stored.closed(rows),
  }
}

describe('the capacity of a table', () => {
  it('is filled without reading a row, as long as records fit even if all their rows are new', async () => {
    const task = taskOf(newProcess(30))
    expect(await task.process(record('a', 10), record('b', 10), record(null, 99), record('c', undefined))).toBe(4)
    task.commit()
    expect(await task.process(record('c', 10), record('d', 1))).toBe(1)
    expect([task.reads, task.changed]).toEqual([[], []])
  })

  it('is full if the next record does not fit, once everything is committed', async () => {
    const task = taskOf(newProcess(30))
    await task.process(record('a', 10), record('b', 10), record('a', 10))
    // if the rows of a were two, there would be no room: only the commit shows that there is
    expect(await task.process(record('c', 10))).toBe(0)
    expect([task.capacity.isHeld, task.capacity.full, task.changed]).toEqual([true, undefined, []])
    task.commit()
    expect(task.wakes()).toBe(1)
    expect(await task.capacity.fits(record('c', 11), new UncommittedWork(() => new WriteBatch('', () => 0)))).toBe(
      false,
    )
    const full = { table: TOPIC, task: 3, offset: 0, option: 'maxBytes', maxBytes: 30, bytes: 20 }
    expect([task.capacity.full, task.changed]).toEqual([full, [full]])
    expect(await task.process(record('c', 10))).toBe(1)
    expect([task.capacity.isHeld, task.capacity.full, task.changed]).toEqual([false, undefined, [full, undefined]])
  })

  it('takes whatever leaves the table no larger, also if it is over its bound', async () => {
    const world = newProcess(25)
    const task = taskOf(world)
    await task.process(record('a', 10), record('b', 10))
    task.commit()
    for (const [of, count] of [
      [record('a', 16), 0],
      [record('a', 15), 1],
      [record('b', 10), 1],
      [record('c', undefined), 1],
      [record(null, 50), 1],
      [record('c', 1), 0],
      [record('b', 9), 1],
      [record('b', undefined), 1],
    ] as const)
      expect([of.key?.toString(), of.value?.length, await task.process(of)]).toEqual([
        of.key?.toString(),
        of.value?.length,
        count,
      ])
    task.commit()
    expect(await task.process(record('c', 10))).toBe(1)
  })

  it('is shared by the tasks of an instance: deletions leave room once they are committed', async () => {
    const world = newProcess(20)
    const [one, other] = [taskOf(world), taskOf(world)]
    await one.process(record('a', 10))
    await other.process(record('b', 10))
    // what the other task may add counts
    expect([await one.process(record('c', 1)), one.capacity.full]).toEqual([0, undefined])
    one.commit()
    other.commit()
    expect(await one.process(record('c', 1))).toBe(0)
    expect(one.capacity.full).toMatchObject({ bytes: 20 })
    expect(await other.process(record('b', undefined))).toBe(1)
    expect(await one.process(record('c', 1))).toBe(0)
    const before = one.wakes()
    other.commit()
    expect(one.wakes()).toBe(before + 1)
    expect(await one.process(record('c', 10))).toBe(1)
  })

  it('grows when a task that shared it ends', async () => {
    const world = newProcess(20)
    const [one, other] = [taskOf(world), taskOf(world)]
    await other.process(record('b', 20))
    expect(await one.process(record('a', 10))).toBe(0)
    other.capacity.release()
    expect([one.wakes(), await one.process(record('a', 10))]).toEqual([1, 1])
    one.commit()
    const late = taskOf(world)
    await late.process(record('c', 10))
    late.commit()
    expect(await one.process(record('d', 10))).toBe(0)
    late.capacity.release()
    late.close()
    expect(await one.process(record('d', 10))).toBe(1)
  })

  it('ends where all tables together have as many bytes as an instance may hold', async () => {
    const world = newProcess(100, 30)
    world.stored.opened(world, new Map([['prices', { storedBytes: 15 }]]))
    const task = taskOf(world)
    expect(world.bounds.bounds('prices')).toBe(true)
    expect(await task.process(record('a', 15), record('b', 1))).toBe(1)
    task.commit()
    expect(await task.process(record('b', 1))).toBe(0)
    expect(task.capacity.full).toMatchObject({ option: 'maxTableBytes', maxBytes: 30, bytes: 30 })
  })

  it('is not bounded without an option', () => {
    expect([TOPIC, 'prices'].map((topic) => newProcess(10).bounds.bounds(topic))).toEqual([true, false])
  })
})

describe('the bytes of tables', () => {
  it('are those of all tasks, and unknown if no store knows them', () => {
    const stored = new StoredBytes()
    const [a, b] = [{}, {}]
    expect(stored.of(TOPIC)).toBeUndefined()
    stored.opened(a, new Map([[TOPIC, {}]]))
    expect(stored.of(TOPIC)).toBeUndefined()
    stored.opened(a, new Map([[TOPIC, { storedBytes: 3 }]]))
    stored.opened(b, new Map([[TOPIC, { storedBytes: 4 }]]))
    expect(stored.of(TOPIC)).toBe(7)
    stored.closed(a)
    expect(stored.of(TOPIC)).toBe(4)
  })
})
