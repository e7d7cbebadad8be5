import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type CallState, encodeCall } from '../../src/changelog/call-record.js'
import { callKey, POSITION_KEY, parseChangelogKey, rowKey, rowValue, waiterKey } from '../../src/changelog/keys.js'
import { decodePosition } from '../../src/changelog/position-record.js'
import { memoryLog, reset, stream } from '../../src/index.js'
import type { ChangelogRecord, Log } from '../../src/log.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { ManualClock } from '../../src/testing.js'
import { activations, information, notifications, notify } from './activation.js'

const APPLICATION = 'a'
const CHANGELOG = { topic: 'a-changelog', partition: 0 }
const asked = notifications.named('asked')
const calls = stream(asked, { name: 'c' }).callOnce(async () => 'done', { inDoubt: { deadLetter: 'doubtful' } })
const pipelines = (): Pipeline[] => [notify(), calls]

const record = { topic: 'asked', partition: 0, offset: 3, key: null, value: null, timestamp: 0, headers: [] }
const common = { fingerprint: 'f', offset: 3, attempts: 0, formerTokens: [] }
const READY: CallState = { ...common, state: 'ready', record, arrival: 0 }
const DONE: CallState = { ...common, state: 'done', token: 't', finishedAt: 1, decision: undefined }
const call = (id: string, state: CallState | null): ChangelogRecord => ({
  key: callKey('c', id),
  value: state && encodeCall(state),
})
const waiter = (offset: number, value: string | null): ChangelogRecord => ({
  key: waiterKey('activation', offset),
  value: value === null ? null : Buffer.from(value),
})
const row = (key: string, value: string | null): ChangelogRecord => ({
  key: rowKey('information', Buffer.from(key)),
  value: value === null ? null : rowValue(Buffer.from(value)),
})

async function world() {
  const log = memoryLog()
  const clock = new ManualClock(5_000)
  await log.tasks.prepare({ application: APPLICATION, partitions: 1, maxMessageBytes: 1_000_000, reports: true })
  const write = async (...changelog: readonly ChangelogRecord[]) => {
    const session = await log.tasks.open({ application: APPLICATION, task: 0 })
    await session.commit({ outputs: [], changelog, offsets: new Map() })
  }
  /** What the changelog holds in the end, the latest of each key. */
  const held = async () => {
    const end = await log.source.endOffset(CHANGELOG, 'last-stable-offset')
    const live = new Map<string, ChangelogRecord>()
    for await (const { records, next } of log.source.read({ ...CHANGELOG, offset: 0 }, new AbortController().signal)) {
      for (const { key, value } of records) {
        const text = Buffer.from(key as Uint8Array).toString('hex')
        if (value === null) live.delete(text)
        else live.set(text, { key: key as Uint8Array, value })
      }
      if (next >= end) break
    }
    return [...live.values()]
  }
  return { log, clock, write, held }
}

describe('a reset', () => {
  it('leaves of the changelog its owner, the new position, and every call', async () => {
    const { log, clock, write, held } = await world()
    await write(
      waiter(1, 'one'),
      waiter(2, 'two'),
      row('p', 'P'),
      row('q', ''),
      call('open', READY),
      call('over', READY),
    )
    await write(waiter(1, null), row('r', 'R'), row('r', null), call('over', DONE), call('gone', READY))
    await write(call('gone', null), call('other', READY), { key: POSITION_KEY, value: null })
    await produce(log, activations, { key: 'p', value: { n: 1 } })
    await produce(log, information, { key: 'p', value: { id: '1' } }, { key: 'q', value: { id: '2' } })

    await reset(pipelines(), { application: APPLICATION, log, clock })
    const found = await held()
    const keys = found.map(({ key }) => parseChangelogKey(key))
    expect(keys.map(({ kind }) => kind).sort()).toEqual(['call', 'call', 'call', 'owner', 'position'])
    expect(keys.flatMap((key) => (key.kind === 'call' ? [key.id] : [])).sort()).toEqual(['open', 'other', 'over'])

    const position = found.find(({ key }) => parseChangelogKey(key).kind === 'position')
    const ids = Object.fromEntries(
      (await log.source.describe(['activation', 'information', 'asked'])).map(({ topic, id }) => [topic, id]),
    )
    expect(decodePosition(position?.value as Uint8Array)).toMatchObject({
      writtenAt: 5_000,
      partitions: 1,
      inputs: {
        activation: { id: ids.activation, next: 0 },
        information: { id: ids.information, next: 0, skipped: 0 },
        asked: { id: ids.asked, next: 0 },
      },
      totals: { activation: { in: 0, waiting: 0 }, c: { in: 2, waiting: 2, emitted: 0 } },
    })
    const { inputs } = decodePosition(position?.value as Uint8Array)
    expect([inputs.activation, inputs.asked].map((input) => input && 'skipped' in input)).toEqual([false, false])
  })

  it("reads tables from their beginning, and streams from their end if it is to be 'latest'", async () => {
    const { log, clock, held } = await world()
    await produce(log, activations, { key: 'p', value: { n: 1 } }, { key: 'p', value: { n: 2 } })
    await produce(log, information, { key: 'p', value: { id: '1' } })
    await reset(pipelines(), { application: APPLICATION, log, clock, streams: 'latest' })
    const position = (await held()).find(({ key }) => parseChangelogKey(key).kind === 'position')
    expect(decodePosition(position?.value as Uint8Array).inputs).toMatchObject({
      activation: { next: 2 },
      information: { next: 0 },
      asked: { next: 0 },
    })
  })

  it('that could not be committed says so, and what to do', async () => {
    const { log, clock } = await world()
    const cause = new Error('no answer')
    const closed: string[] = []
    const failing: Log<'exactly-once'> = {
      ...log,
      tasks: {
        guarantees: ['exactly-once'],
        prepare: (options) => log.tasks.prepare(options),
        open: async (options) => ({
          ...(await log.tasks.open(options)),
          commit: async () => ({ outcome: 'unclear', cause }),
          close: async () => void closed.push('closed'),
        }),
      },
      [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
    }
    await expect(reset(pipelines(), { application: APPLICATION, log: failing, clock })).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      ...CHANGELOG,
      cause,
      message: expect.stringContaining('task 0 could not be reset, the commit was unclear: repeat the reset'),
    })
    expect(closed).toEqual(['closed'])
  })
})
