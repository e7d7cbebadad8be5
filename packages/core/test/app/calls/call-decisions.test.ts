import { describe, expect, it } from 'vitest'
import { ChangelogCalls, type ResolvablePipeline } from '../../../src/app/calls/changelog-calls.js'
import type { CallDecision } from '../../../src/app/calls/in-doubt-call.js'
import { consume } from '../../../src/app/consume.js'
import { decodeReport } from '../../../src/changelog/report-record.js'
import { type InDoubtCall, json, memoryLog, topic } from '../../../src/index.js'
import { ManualClock } from '../../../src/testing.js'

const by = { decidedBy: 'ops', reason: 'it is in the log of the service' }
const doubtOf = (more: Partial<InDoubtCall> = {}): InDoubtCall =>
  ({
    id: 'call 1',
    pipeline: 'c',
    token: 'token',
    claimantFinished: true,
    origin: { topic: 'asked', partition: 1, offset: 7 },
    ...more,
  }) as InDoubtCall
const plan = (more: Partial<ResolvablePipeline> = {}): ResolvablePipeline => ({
  name: 'c',
  blocks: false,
  sink: { topic: 'results', encode: json<unknown>() },
  ...more,
})

function world(plans: readonly ResolvablePipeline[] | undefined) {
  const log = memoryLog({ partitions: 2 })
  const calls = new ChangelogCalls<unknown>({ application: 'b', log, clock: new ManualClock(9_000), plans })
  const bytes = { encode: (value: Uint8Array) => value, decode: (value: Uint8Array | null) => value as Uint8Array }
  const reports = topic('b.calls.reports', { key: json<string>(), value: { format: 'bytes', ...bytes } })
  const written = async () => {
    const found = []
    for await (const { value, origin } of consume(log, reports, { until: 'end' })) {
      const { result, ...rest } = decodeReport({ value } as Parameters<typeof decodeReport>[0]) as {
        result?: Uint8Array
      }
      found.push({ ...rest, ...(result && { result: String(result) }), partition: origin.partition })
    }
    return found
  }
  return { calls, written }
}

const REFUSED: readonly (readonly [
  string,
  Partial<InDoubtCall>,
  Partial<ResolvablePipeline>,
  CallDecision<unknown>,
])[] = [
  ['decidedBy is missing', {}, {}, { outcome: 'not-sent', decidedBy: ' ', reason: 'why' }],
  ['reason is missing', {}, {}, { outcome: 'not-sent', decidedBy: 'ops', reason: '' }],
  [
    'its claimant has not reported that it is finished, and may still send the request',
    { claimantFinished: false },
    {},
    { outcome: 'not-sent', ...by },
  ],
  [
    'its claimant has not reported that it is finished, and may still send the request',
    { claimantFinished: false },
    { blocks: true },
    { outcome: 'done', result: 1, ...by },
  ],
  ['a result is required, because it is written to results', {}, {}, { outcome: 'done', ...by } as never],
]

describe('a decision', () => {
  it.each(REFUSED)('is refused: %s', async (text, doubt, more, decision) => {
    const { calls, written } = world([plan({ name: 'other', sink: undefined }), plan(more)])
    await expect(calls.resolve(doubtOf(doubt), decision)).rejects.toMatchObject({
      code: 'CALL_UNDECIDABLE',
      message: expect.stringContaining(`call call 1 cannot be resolved: ${text}`),
    })
    expect(await written()).toEqual([])
  })

  it('with a result that the sink does not take is refused', async () => {
    const encode = {
      encode: () => {
        throw new Error('odd')
      },
    }
    const { calls, written } = world([plan({ sink: { topic: 'results', encode } as never })])
    await expect(calls.resolve(doubtOf(), { outcome: 'done', result: 1, ...by })).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      topic: 'results',
      cause: expect.objectContaining({ message: 'odd' }),
      message: expect.stringContaining('the result of call call 1 cannot be encoded as a value of results'),
    })
    expect(await written()).toEqual([])
  })

  const told = { type: 'report', pipeline: 'c', id: 'call 1', token: 'token', by: 'operator', partition: 1 }
  const decided = { by: by.decidedBy, why: by.reason, at: 9_000 }

  it.each([
    ['with a result, as the sink encodes it', [plan()], { outcome: 'done', result: { n: 1 } }, { result: '{"n":1}' }],
    ['of a pipeline that writes no results', [plan({ sink: undefined })], { outcome: 'done' }, {}],
    ['that nothing was sent', [plan()], { outcome: 'not-sent' }, {}],
    ['that nobody cares any more', [plan()], { outcome: 'abandoned' }, {}],
    [
      'of a pipeline that is not known here, with bytes',
      undefined,
      { outcome: 'done', result: Buffer.from('x') },
      { result: 'x' },
    ],
    ['of a pipeline that is not known here, with what are no bytes', undefined, { outcome: 'done', result: 5 }, {}],
  ] as const)('goes to the owner of the task: %s', async (_, plans, decision, more) => {
    const { calls, written } = world(plans)
    await calls.resolve(doubtOf(), { ...decision, ...by } as CallDecision<unknown>)
    expect(await written()).toEqual([{ ...told, outcome: decision.outcome, decided, ...more }])
  })

  it('of a claimant that has not finished is taken if somebody says that it has ended', async () => {
    const { calls, written } = world([plan()])
    await calls.resolve(doubtOf({ claimantFinished: false }), { outcome: 'not-sent', claimantHasEnded: true, ...by })
    expect(await written()).toHaveLength(1)
  })

  it('that it was sent needs no proof that its claimant has ended, where that cannot block others', async () => {
    const { calls, written } = world([plan()])
    await calls.resolve(doubtOf({ claimantFinished: false }), { outcome: 'done', result: 1, ...by })
    expect(await written()).toHaveLength(1)
  })
})
