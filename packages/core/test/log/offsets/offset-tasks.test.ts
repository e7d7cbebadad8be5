import { describe, expect, it } from 'vitest'
import { OWNER_KEY, POSITION_KEY, waiterKey } from '../../../src/changelog/keys.js'
import { decodePosition, encodePosition } from '../../../src/changelog/position-record.js'
import { memoryLog, systemClock } from '../../../src/index.js'
import { composeLog, type LogOffsets, type TaskOffsets, type TaskSession } from '../../../src/log.js'
import { newRecord, recordsOf } from '../records.js'

const task = { application: 'a', task: 0, guarantee: 'at-least-once' } as const
const position = (next: number) =>
  encodePosition({
    writtenAt: 5,
    inputs: { events: { id: 'E', next } },
    partitions: 1,
    hash: 'h',
    totals: { p: { in: next } },
  })
const work = (next: number, ...outputs: string[]) => ({
  outputs: outputs.map((value) => newRecord('out', null, value)),
  changelog: [{ key: POSITION_KEY, value: position(next) }],
  offsets: new Map([['events', next]]),
})
/** @returns the records of the changelog */
async function changelogOf(session: TaskSession) {
  const { source, changelog, token } = session
  if (source === undefined) throw new Error('the changelog must not be a topic')
  const records = []
  for await (const batch of source.read(
    { ...changelog, offset: await source.earliestOffset(changelog) },
    new AbortController().signal,
  )) {
    records.push(...batch.records)
    if (batch.next > token.offset) break
  }
  return records.map(({ key, value }) => [key, value])
}

describe('at-least-once sessions', () => {
  const values = async (log: ReturnType<typeof memoryLog>) =>
    (await recordsOf(log.source, 'out')).map(({ value }) => Buffer.from(value ?? []).toString())

  it('append outputs, then save the position, which is the whole changelog', async () => {
    const log = memoryLog()
    const first = await log.tasks.open(task)
    expect(await changelogOf(first)).toEqual([])
    expect(await first.commit(work(3, 'x', 'y'))).toMatchObject({ outcome: 'committed' })
    expect(await values(log)).toEqual(['x', 'y'])
    const second = await log.tasks.open(task)
    const [[key, value] = [], ...others] = await changelogOf(second)
    expect([key, others]).toEqual([POSITION_KEY, []])
    expect(decodePosition(value ?? new Uint8Array())).toEqual(decodePosition(position(3)))
  })

  it('create no topic of their own', async () => {
    const log = memoryLog()
    await log.tasks.prepare({ application: 'a', partitions: 2, maxMessageBytes: 100, guarantee: 'at-least-once' })
    await (await log.tasks.open(task)).commit(work(1))
    expect(await recordsOf(log.source, 'a-changelog')).toEqual([])
  })

  it('fence earlier sessions, with tokens that increase even if clocks go back', async () => {
    let now = 1_000_000
    const log = memoryLog({ clock: { ...systemClock, now: () => now } })
    const first = await log.tasks.open(task)
    await first.commit(work(1))
    now = 500_000
    const second = await log.tasks.open(task)
    expect(second.token.offset).toBeGreaterThan(first.token.offset)
    expect(await first.commit(work(2, 'late'))).toMatchObject({ outcome: 'fenced' })
    const third = await log.tasks.open(task)
    expect(third.token.offset).toBeGreaterThan(second.token.offset)
    expect((await changelogOf(third)).length).toBe(1)
  })

  it('commit nothing after they are closed', async () => {
    const log = memoryLog()
    const session = await log.tasks.open(task)
    await session.close()
    expect(await session.commit(work(1, 'x'))).toEqual({ outcome: 'rejected' })
    expect(await values(log)).toEqual([])
  })

  it('reject changelog records of waiting events', async () => {
    const session = await memoryLog().tasks.open(task)
    const waiter = { key: waiterKey('p', 1), value: Buffer.from('w') }
    for (const changelog of [[waiter, ...work(1).changelog], [], [{ key: OWNER_KEY, value: Buffer.from('o') }]])
      await expect(session.commit({ ...work(1), changelog })).rejects.toThrow(
        expect.objectContaining({ code: 'PIPELINE_INVALID' }),
      )
  })

  it('save no position if outputs were not appended, and fail with a retriable error', async () => {
    const memory = memoryLog()
    const saves: number[] = []
    const offsets: LogOffsets = {
      open: async () => ({
        saved: new Map(),
        save: async (saved) => {
          saves.push(saved.get('events')?.offset ?? -1)
          return 'saved'
        },
      }),
    }
    const sink = { append: () => Promise.reject(new Error('disk full')) }
    const log = composeLog({ source: memory.source, sink, offsets })
    const session = await log.tasks.open(task)
    await expect(session.commit(work(1, 'x'))).rejects.toThrow(
      expect.objectContaining({ code: 'LOG_FAILED', retriable: true }),
    )
    expect(saves).toEqual([])
    expect(await session.commit(work(1))).toEqual({ outcome: 'rejected' })
  })

  it('cannot be opened by an owner that is fenced while it opens', async () => {
    const fenced: TaskOffsets = {
      saved: new Map([['events', { offset: 1, metadata: '' }]]),
      save: async () => 'fenced',
    }
    const { source, sink } = memoryLog()
    const log = composeLog({ source, sink, offsets: { open: async () => fenced } })
    await expect(log.tasks.open(task)).rejects.toThrow(expect.objectContaining({ code: 'TASK_LOST', retriable: true }))
  })
})

describe('a composed log', () => {
  const { source, sink, tasks, group } = memoryLog()
  const offsets: LogOffsets = { open: async () => ({ saved: new Map(), save: async () => 'saved' }) }

  it('offers the guarantees of its layers, the strongest first', () => {
    expect(composeLog({ source, sink, group, tasks, offsets }).tasks.guarantees).toEqual([
      'exactly-once',
      'at-least-once',
    ])
    expect(composeLog({ source, sink, tasks }).tasks.guarantees).toEqual(['exactly-once'])
    expect(composeLog({ source, sink, offsets }).tasks.guarantees).toEqual(['at-least-once'])
  })

  it('rejects other guarantees', () => {
    const log = composeLog({ source, sink, offsets }) as ReturnType<typeof memoryLog>
    expect(() => log.tasks.open({ ...task, guarantee: 'exactly-once' })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
    expect(() => composeLog({ source, sink } as never)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })

  it('closes its parts, and returns their gauges', async () => {
    let closed = 0
    const log = composeLog({
      source,
      sink,
      offsets,
      gauges: () => ({ buffered: 3 }),
      close: async () => {
        closed++
      },
    })
    expect(log.gauges?.()).toEqual({ buffered: 3 })
    await log[Symbol.asyncDispose]()
    expect(closed).toBe(1)
    await composeLog({ source, sink, offsets })[Symbol.asyncDispose]()
  })
})
