import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../src/log.js'
import type { CallProcessor } from '../../src/task/calls/call-processor.js'
import type { CommitLimits } from '../../src/task/commit/commit-limits.js'
import { UncommittedWork } from '../../src/task/commit/uncommitted-work.js'
import { WriteBatch } from '../../src/task/commit/write-batch.js'
import type { InputPartition } from '../../src/task/input-partition.js'
import { PartitionGroup } from '../../src/task/partition-group.js'
import { RowReader } from '../../src/task/stores/row-reader.js'
import type { TaskTable } from '../../src/task/tables/task-table.js'
import type { TaskPipeline } from '../../src/task/task-pipeline.js'
import type { TaskState } from '../../src/task/task-state.js'

const MONOTONIC = 40
const utf8 = {
  format: 'text',
  encode: (value: unknown) => Buffer.from(String(value)),
  decode: (of: unknown) => String(of),
}

/** An input of records `key@timestamp`. */
class FakeInput {
  isPaused = false
  idleSince: number | undefined
  lag: number | undefined = 0
  /** The limits of each look at the next records. */
  readonly peeks: unknown[] = []
  readonly records: LogRecord[]
  readonly topic: string
  readonly rank: number

  constructor(topic: string, rank: number, ...records: readonly string[]) {
    this.topic = topic
    this.rank = rank
    this.records = records.map((text, offset) => {
      const [key, timestamp] = text.split('@')
      const [bytes, value] = [Buffer.from(key as string), Buffer.from('v')]
      return { topic, partition: 0, offset, key: bytes, value, timestamp: Number(timestamp), headers: [] }
    })
  }

  get headTimestamp() {
    return this.records[0]?.timestamp
  }

  peek(limit: number, before: number, inclusive: boolean) {
    this.peeks.push([limit, before, inclusive])
    return this.records
      .slice(0, limit)
      .filter(({ timestamp }) => (inclusive ? timestamp <= before : timestamp < before))
  }

  isNext(key: Uint8Array | null) {
    return key !== null && this.records[0]?.key?.toString() === String(key)
  }

  advance(count: number) {
    this.records.splice(0, count)
  }
}

/** A pipeline whose operator takes as many records as it has room for, and writes one output for each. */
function pipelineOf(input: FakeInput, tables: readonly TaskTable[]) {
  const script = { room: Number.POSITIVE_INFINITY, isFull: false, waiting: new Set<string>(), done: [] as string[] }
  const operator = {
    plan: { name: input.topic },
    get isFull() {
      return script.isFull
    },
    process(records: readonly LogRecord[], { effects }: { readonly effects: WriteBatch }) {
      const taken = records.slice(0, script.room)
      script.room -= taken.length
      script.isFull = taken.length < records.length
      script.done.push(...taken.map(({ key }) => `take ${key}`))
      for (const record of taken) effects.output({ ...record, topic: 'out' }, 10)
      return taken.length
    },
    isWaiting: (key: Uint8Array) => script.waiting.has(String(key)),
    wake(_table: number, { key }: LogRecord) {
      script.done.push(`wake ${key}`)
    },
    evaluate(key: Uint8Array) {
      script.done.push(`evaluate ${key}`)
    },
  }
  const pipeline = { operator, input, tables, isOpen: false, isFull: false } as unknown as TaskPipeline
  return { pipeline, script }
}

function tableOf(input: FakeInput, order: 'table-first' | 'by-timestamp' = 'table-first'): TaskTable {
  const plan = { topic: input.topic, order, key: utf8, value: utf8, onError: 'halt' }
  const rows = new RowReader(input.topic, (keys) => keys.map(() => undefined))
  return { plan, input, store: { rows }, inChangelog: false, hasExactRows: true, skipped: 0 } as unknown as TaskTable
}

/** A task with one table and two streams that join it, unless others are given. */
function grouped(
  inputs: readonly FakeInput[],
  tables: readonly TaskTable[],
  pipelines: readonly TaskPipeline[],
  { recordsLeft = 1_000, maxIdleMs = 0 } = {},
) {
  const work = new UncommittedWork(() => new WriteBatch('$waiters', () => 0))
  const added: unknown[] = []
  const limits = {
    recordsLeft: () => recordsLeft,
    added: (...of: unknown[]) => added.push(of),
  } as unknown as CommitLimits
  const processed: unknown[] = []
  const calls = {
    async process(input: FakeInput, records: readonly LogRecord[]) {
      processed.push([input.topic, records.length])
      input.advance(records.length)
    },
  } as unknown as CallProcessor
  const state = { inputs: inputs as unknown as readonly InputPartition[], tables, pipelines } as unknown as TaskState
  const group = new PartitionGroup(state, work, calls, {
    application: 'a',
    partition: 0,
    outputs: new Map(),
    changelog: { topic: 'a-changelog', maxMessageBytes: 1_000_000 },
    now: () => 0,
    monotonic: () => MONOTONIC,
    maxIdleMs,
    limits,
  })
  return { group, work, added, processed }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `k${i}@5`)

describe('a group of inputs', () => {
  it('gives the record with the lowest timestamp, tables first on a tie', async () => {
    const rows = new FakeInput('rows', 0, 'a@5', 'b@5', 'c@6')
    const events = new FakeInput('events', 1, 'a@4', 'b@5', 'c@7')
    const table = tableOf(rows)
    const { pipeline, script } = pipelineOf(events, [table])
    const { group, work } = grouped([rows, events], [table], [pipeline])
    group.open(pipeline)
    const left: number[][] = []
    while (await group.step()) left.push([rows.records.length, events.records.length])
    expect(left).toEqual([
      [3, 2],
      [1, 2],
      [1, 1],
      [0, 1],
      [0, 0],
    ])
    expect(script.done).toEqual(['take a', 'take b', 'take c'])
    expect(work.current.stores.get('rows')?.size).toBe(3)
  })

  it('says when to look again at the latest if there is nothing to take', async () => {
    const [rows, events] = [new FakeInput('rows', 0), new FakeInput('events', 1, 'a@4')]
    const table = tableOf(rows)
    const { pipeline } = pipelineOf(events, [table])
    const { group, work } = grouped([rows, events], [table], [pipeline], { maxIdleMs: 15 })
    group.open(pipeline)
    expect([await group.step(), group.until, work.current.isEmpty]).toEqual([false, MONOTONIC + 15, true])
    rows.lag = 1
    expect([await group.step(), group.until]).toEqual([false, undefined])
  })

  it('takes no more at once than the commit has room for, and than lets others have their turn', async () => {
    for (const [recordsLeft, taken] of [
      [7, 7],
      [100_000, 256],
    ] as const) {
      const events = new FakeInput('events', 0, ...numbered(300))
      const { pipeline, script } = pipelineOf(events, [])
      const { group, work, added } = grouped([events], [], [pipeline], { recordsLeft })
      expect(await group.step()).toBe(true)
      expect(script.done).toHaveLength(taken)
      // from which the limits learn how much a record adds
      expect(added).toEqual([[taken, { bytes: 10 * taken, logBytes: 10 * taken }]])
      expect(work.current.since).toBe(MONOTONIC)
      await group.step()
      const rest = Math.min(taken, 300 - taken)
      expect(added[1]).toEqual([rest, { bytes: 10 * rest, logBytes: 10 * rest }])
    }
  })

  it('counts what rows add to the memory, and not to the log', async () => {
    const rows = new FakeInput('rows', 0, 'a@5', 'b@5')
    const { group, added } = grouped([rows], [tableOf(rows)], [])
    await group.step()
    expect(added).toEqual([[2, { bytes: 4, logBytes: 0 }]])
  })

  it('passes the records of calls on', async () => {
    const [asked, events] = [new FakeInput('asked', 1, ...numbered(3)), new FakeInput('events', 0)]
    const { pipeline } = pipelineOf(events, [])
    const { group, processed, work } = grouped([events, asked], [], [pipeline])
    expect([await group.step(), processed, work.current.isEmpty]).toEqual([true, [['asked', 3]], false])
  })
})

describe('a stream', () => {
  it('starts once its pipeline is open, if it joins a table that has to be loaded first', async () => {
    const [rows, timed] = [new FakeInput('rows', 0), new FakeInput('timed', 1)]
    const [first, byTimestamp] = [tableOf(rows), tableOf(timed, 'by-timestamp')]
    const both = pipelineOf(new FakeInput('both', 2, 'a@1'), [byTimestamp, first])
    const one = pipelineOf(new FakeInput('one', 3, 'a@2'), [byTimestamp])
    const none = pipelineOf(new FakeInput('none', 4, 'a@3'), [])
    const pipelines = [both.pipeline, one.pipeline, none.pipeline]
    const inputs = [rows, timed, ...pipelines.map(({ input }) => input as unknown as FakeInput)]
    const { group } = grouped(inputs, [first, byTimestamp], pipelines)
    expect(pipelines.map(({ input }) => input.isPaused)).toEqual([true, false, false])
    while (await group.step());
    expect([both.script.done, one.script.done, none.script.done]).toEqual([[], ['take a'], ['take a']])
    group.open(both.pipeline)
    expect([both.pipeline.isOpen, both.pipeline.input.isPaused, await group.step()]).toEqual([true, false, true])
    expect(both.script.done).toEqual(['take a'])
  })

  /** A stream that is paused because `a`, which waits for its row, fills the wait buffer; `b` is next. */
  async function paused(...of: readonly string[]) {
    const rows = new FakeInput('rows', 0)
    const events = new FakeInput('events', 1, 'a@1', 'b@1', 'c@1')
    const table = tableOf(rows)
    const { pipeline, script } = pipelineOf(events, [table])
    const all = grouped([rows, events], [table], [pipeline])
    all.group.open(pipeline)
    script.room = 1
    script.waiting.add('a')
    await all.group.step()
    rows.records.push(...new FakeInput('rows', 0, ...of).records)
    return { ...all, pipeline, script, rows, events }
  }

  it('is paused while the wait buffer is full; other inputs continue', async () => {
    const { group, pipeline, script, rows } = await paused('x@7', 'y@8')
    expect([pipeline.isFull, pipeline.input.isPaused, script.done]).toEqual([true, true, ['take a']])
    expect(await group.step()).toBe(true)
    expect([rows.records.length, pipeline.isFull, pipeline.input.isPaused]).toEqual([0, true, true])
    expect(await group.step()).toBe(false)
  })

  it.each([
    ['wakes an event: there may be room', 'a@8', ['take a', 'wake a']],
    ['is the row of its next event, which may not have to wait', 'b@8', ['take a']],
  ])('continues before the next row once a row %s', async (_, row, done) => {
    const { group, pipeline, script, rows } = await paused('x@7', row, 'z@9')
    script.room = 5
    await group.step()
    expect([rows.records.length, pipeline.isFull, pipeline.input.isPaused]).toEqual([1, false, false])
    expect(script.done).toEqual(done)
    await group.step()
    expect(script.done).toEqual([...done, 'take b', 'take c'])
  })

  it('that is not paused is no reason to stop after a row', async () => {
    const { group, pipeline, script, rows } = await paused('a@7', 'b@8', 'z@9')
    pipeline.isFull = false
    await group.step()
    expect([script.done, rows.records.length]).toEqual([['take a', 'wake a'], 0])
  })

  it('continues when waiting events were evaluated: some may have expired', async () => {
    const { group, pipeline, script, work } = await paused()
    work.take()
    await group.evaluate(pipeline, [Buffer.from('a')])
    expect(script.done).toEqual(['take a', 'evaluate a'])
    expect([pipeline.isFull, pipeline.input.isPaused, work.current.since]).toEqual([false, false, MONOTONIC])
  })
})
