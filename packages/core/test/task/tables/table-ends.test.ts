import { describe, expect, it } from 'vitest'
import { UncommittedWork } from '../../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import type { PartitionGroup } from '../../../src/task/partition-group.js'
import type { TableCatchUp } from '../../../src/task/tables/table-catch-up.js'
import { TableEnds } from '../../../src/task/tables/table-ends.js'
import type { TaskTable } from '../../../src/task/tables/task-table.js'
import type { TaskPipeline } from '../../../src/task/task-pipeline.js'
import type { TaskState } from '../../../src/task/task-state.js'

const NOW = 700
const MONOTONIC = 30

/** A table whose end offsets are reached when the test says so. */
class FakeTable {
  hasCaughtUp = false
  /** The next end offset that is reached. */
  reaches: ReturnType<TableCatchUp['reached']>
  requestAt: number | undefined
  isStale = false
  isSaveDue = false
  readonly requests: unknown[] = []
  readonly task: TaskTable

  constructor() {
    const table = this
    const catchUp = {
      get hasCaughtUp() {
        return table.hasCaughtUp
      },
      get isSaveDue() {
        return table.isSaveDue
      },
      rejectIfStale() {
        if (table.isStale) throw new Error('stale')
      },
      requestIfNeeded: (...request: unknown[]) => table.requests.push(request),
      requestAt: (now: number, monotonic: number) => (now === NOW && monotonic === MONOTONIC ? table.requestAt : -1),
      reached() {
        const { reaches } = table
        table.reaches = undefined
        return reaches
      },
    }
    this.task = { catchUp } as unknown as TaskTable
  }
}

/** A pipeline with the keys of its waiting events, and with those that are due, by the table that they wait for. */
class FakePipeline {
  readonly due: string[][]
  readonly deadlines: (number | undefined)[] = []
  readonly asked: unknown[] = []
  waitingKeys: string[] = []
  readonly task: TaskPipeline

  constructor(...tables: readonly FakeTable[]) {
    this.due = tables.map(() => [])
    const operator = {
      waitingKeys: () => this.waitingKeys.map((key) => Buffer.from(key)),
      nextDeadline: (table: number) => this.deadlines[table],
      endOffsetReached: (table: number, requestedAt: number, limit: number) => {
        this.asked.push([table, requestedAt])
        return (this.due[table] as string[]).splice(0, limit).map((key) => Buffer.from(key))
      },
    }
    this.task = { operator, tables: tables.map(({ task }) => task), isOpen: false } as unknown as TaskPipeline
  }
}

function watching(tables: readonly FakeTable[], pipelines: readonly FakePipeline[]) {
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
  const done: (readonly [pipeline: number, what: 'open' | readonly string[]])[] = []
  const indexOf = (pipeline: TaskPipeline) => pipelines.findIndex(({ task }) => task === pipeline)
  const held = { isHeld: false }
  const group = {
    get isHeld() {
      return held.isHeld
    },
    async evaluate(pipeline: TaskPipeline, keys: readonly Uint8Array[]) {
      done.push([indexOf(pipeline), keys.map(String)])
    },
    open(pipeline: TaskPipeline) {
      pipeline.isOpen = true
      done.push([indexOf(pipeline), 'open'])
    },
  } as unknown as PartitionGroup
  const state = { tables: tables.map(({ task }) => task), pipelines: pipelines.map(({ task }) => task) }
  const ends = new TableEnds(state as unknown as TaskState, group, work, {
    now: () => NOW,
    monotonic: () => MONOTONIC,
  })
  return { ends, work, held, done: () => done.splice(0) }
}

const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`)
const first = { time: 500, logTime: 5, isFirst: true }
const later = { time: 600, logTime: 6, isFirst: false }

describe('a pipeline', () => {
  it('is opened once all its tables have caught up: its waiting events are evaluated before its stream starts', async () => {
    const [a, b] = [new FakeTable(), new FakeTable()]
    const [both, one] = [new FakePipeline(a, b), new FakePipeline(b)]
    both.waitingKeys = ['x', 'y']
    const { ends, done } = watching([a, b], [both, one])
    expect([await ends.step(), done()]).toEqual([false, []])
    b.hasCaughtUp = true
    expect([await ends.step(), done()]).toEqual([true, [[1, 'open']]])
    expect(await ends.step()).toBe(false)
    a.hasCaughtUp = true
    expect([await ends.step(), done()]).toEqual([
      true,
      [
        [0, ['x', 'y']],
        [0, 'open'],
      ],
    ])
    expect([await ends.step(), done()]).toEqual([false, []])
  })

  it('without a table is opened at once', async () => {
    const { ends, done } = watching([], [new FakePipeline()])
    expect([await ends.step(), done()]).toEqual([true, [[0, 'open']]])
  })

  it('has many waiting events evaluated in parts', async () => {
    const pipeline = new FakePipeline()
    pipeline.waitingKeys = keys(600)
    const { ends, done } = watching([], [pipeline])
    await ends.step()
    const parts = done().flatMap(([, what]) => (what === 'open' ? [] : [what]))
    expect(parts.flat()).toEqual(keys(600))
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(600)
  })
})

describe('an end offset that is reached', () => {
  it('lets events expire that were due when it was requested, of each open pipeline that joins the table', async () => {
    const [a, b] = [new FakeTable(), new FakeTable()]
    const [both, other, closed] = [new FakePipeline(b, a), new FakePipeline(b), new FakePipeline(a)]
    for (const { task } of [both, other]) task.isOpen = true
    both.due[1]?.push(...keys(600))
    const { ends, done } = watching([a, b], [both, other, closed])
    a.reaches = later
    expect(await ends.step()).toBe(true)
    const parts = done()
    expect(parts.every(([pipeline]) => pipeline === 0)).toBe(true)
    expect(parts.flatMap(([, what]) => what)).toEqual(keys(600))
    expect(both.asked[0]).toEqual([1, 600])
    expect([other.asked, closed.asked]).toEqual([[], []])
    expect(await ends.step()).toBe(false)
  })

  it('counts as work though nothing is due', async () => {
    const [a, b] = [new FakeTable(), new FakeTable()]
    a.reaches = later
    expect(await watching([a, b], []).ends.step()).toBe(true)
  })

  it('lets no event expire if it is the first one: its pipeline is not open yet', async () => {
    const table = new FakeTable()
    const pipeline = new FakePipeline(table)
    pipeline.task.isOpen = true
    table.reaches = first
    await watching([table], [pipeline]).ends.step()
    expect(pipeline.asked).toEqual([])
  })

  it.each([
    ['has to be saved', true, MONOTONIC],
    ['need not be saved yet', false, undefined],
  ])('has a commit made even if nothing changed, if the time of the catch-up %s', async (_, isSaveDue, since) => {
    const table = new FakeTable()
    table.reaches = first
    table.isSaveDue = isSaveDue
    const { ends, work } = watching([table], [])
    await ends.step()
    expect(work.current.since).toBe(since)
  })
})

describe('an end offset that is requested', () => {
  it('is that of the earliest deadline of all open pipelines that join the table', async () => {
    const [a, b] = [new FakeTable(), new FakeTable()]
    const [early, late, closed] = [new FakePipeline(b, a), new FakePipeline(a), new FakePipeline(a)]
    early.deadlines.push(1, 20)
    late.deadlines.push(30)
    closed.deadlines.push(10)
    for (const { task } of [late, early]) task.isOpen = true
    const { ends } = watching([a, b], [late, early, closed])
    await ends.step()
    expect([a.requests, b.requests]).toEqual([[[NOW, 20]], [[NOW, 1]]])
    early.deadlines.length = 0
    await ends.step()
    expect([a.requests[1], b.requests[1]]).toEqual([
      [NOW, 30],
      [NOW, undefined],
    ])
  })

  it('is requested at the earliest of the times at which tables need one', () => {
    const [a, b, c] = [new FakeTable(), new FakeTable(), new FakeTable()]
    const { ends } = watching([a, b, c], [])
    expect(ends.until).toBeUndefined()
    b.requestAt = 90
    c.requestAt = 80
    expect(ends.until).toBe(80)
  })

  it('is not requested of a table that is stale: the task is opened again', async () => {
    const table = new FakeTable()
    table.isStale = true
    await expect(watching([table], []).ends.step()).rejects.toThrow('stale')
    expect(table.requests).toEqual([])
  })
})

describe('a task that waits because a table is full', () => {
  it('opens no pipeline, lets no event expire, and requests no end offset before it continues', async () => {
    const [a, b] = [new FakeTable(), new FakeTable()]
    const [open, closed] = [new FakePipeline(a), new FakePipeline(b)]
    const { ends, held, done } = watching([a, b], [open, closed])
    a.hasCaughtUp = true
    await ends.step()
    done()
    a.requests.length = 0
    held.isHeld = true
    open.due[0] = ['x']
    Object.assign(a, { reaches: later, requestAt: 40, isStale: true })
    b.hasCaughtUp = true
    expect([await ends.step(), done(), a.requests, ends.until]).toEqual([false, [], [], undefined])
    held.isHeld = false
    a.isStale = false
    expect(ends.until).toBe(40)
    expect(await ends.step()).toBe(true)
    expect(done()).toEqual([
      [0, ['x']],
      [1, 'open'],
    ])
  })
})
