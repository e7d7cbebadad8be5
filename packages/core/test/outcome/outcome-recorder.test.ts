import { describe, expect, it } from 'vitest'
import { type DeadLetterInfo, deadLetterInfo } from '../../src/index.js'
import { batchBytes } from '../../src/log/batch-bytes.js'
import type { Outcome } from '../../src/outcome/effects.js'
import { type Failure, tooLarge } from '../../src/outcome/failure.js'
import { OutcomeRecorder } from '../../src/outcome/outcome-recorder.js'
import { OutputWriter } from '../../src/outcome/output-writer.js'
import { newTotals } from '../../src/outcome/totals.js'
import type { OnError } from '../../src/pipeline/option-validator.js'
import type { LogRecord, NewRecord } from '../../src/record.js'

const record: LogRecord = {
  topic: 'in',
  partition: 7,
  offset: 12,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  timestamp: 1_000,
  headers: [],
}
const origin = { topic: 'in', partition: 7, offset: 12 }

class Recorded {
  readonly logTimeMs = 0
  readonly outputs: NewRecord[] = []
  readonly outcomes: unknown[] = []
  readonly totals = newTotals()
  readonly recorder: OutcomeRecorder

  constructor(onError: OnError = 'halt', maxMessageBytes = 1_000) {
    const topics = ['out', 'dead'].map(
      (topic) => [topic, { partitions: 1, maxMessageBytes, retentionMs: 5_000 }] as const,
    )
    const writer = new OutputWriter('app', 'in', 7, new Map(topics))
    this.recorder = new OutcomeRecorder({ input: 'stream in', plan: { onError }, writer, totals: this.totals })
  }

  output(output: NewRecord): void {
    this.outputs.push(output)
  }

  refusal(): undefined {
    return undefined
  }

  outcome(outcome: unknown): void {
    this.outcomes.push(outcome)
  }

  get deadLetters(): (DeadLetterInfo | undefined)[] {
    return this.outputs.map(({ headers }) => deadLetterInfo(headers))
  }
}
const failure: Failure = {
  reason: 'undecodable',
  code: 'DECODE_FAILED',
  message: 'a record of stream in cannot be decoded',
  cause: new Error('it is empty'),
}

describe('the outcome recorder', () => {
  it('counts what it emits, and which timestamps were clamped', () => {
    const t = new Recorded()
    expect(t.recorder.emit(t, 'out', record, Buffer.from('x'))).toBeUndefined()
    expect(t.recorder.emit(t, 'out', { ...record, timestamp: 3_600_001 }, Buffer.from('x'))).toBeUndefined()
    expect(t.totals).toEqual({ ...newTotals(), emitted: 2, clamped: 1 })
    expect(t.outputs).toHaveLength(2)
  })

  it('counts calls in doubt, which have no outcome yet, and which of their timestamps were clamped', () => {
    const t = new Recorded()
    t.recorder.inDoubt(t, 'dead', record, { ageMs: 5, message: 'no response' })
    expect(t.totals).toEqual({ ...newTotals(), inDoubt: 1 })
    t.recorder.inDoubt(t, 'dead', { ...record, timestamp: 3_600_001 }, { ageMs: 5 })
    expect(t.totals).toEqual({ ...newTotals(), inDoubt: 2, clamped: 1 })
    expect(t.outputs.map(({ timestamp }) => timestamp)).toEqual([1_000, 3_600_000])
    expect(t.deadLetters.map((letter) => letter?.reason)).toEqual(['in-doubt', 'in-doubt'])
    expect(t.outcomes).toEqual([])
  })

  it('leaves a result that is too large without an outcome, and names the size that was compared', () => {
    const t = new Recorded()
    const headers = [['joinery-origin', Buffer.from('app/in/7/12')]] as const
    const needed = batchBytes(record.key, Buffer.alloc(1_000), headers)
    expect(t.recorder.emit(t, 'out', record, Buffer.alloc(1_000))).toEqual({
      reason: 'too-large',
      code: 'RECORD_TOO_LARGE',
      message: `a result takes up to ${needed} bytes, but out accepts only 1000`,
      remedy: 'raise max.message.bytes of out',
    })
    expect([t.totals, t.outputs, t.outcomes]).toEqual([newTotals(), [], []])
  })

  it('counts and reports what it drops', () => {
    const t = new Recorded()
    t.recorder.drop(t, record, 'filtered')
    expect(t.totals).toEqual({ ...newTotals(), dropped: { filtered: 1 } })
    expect(t.outcomes).toEqual([{ type: 'dropped', reason: 'filtered', origin }] satisfies Outcome[])
  })

  it('counts and reports what it dead-letters', () => {
    const t = new Recorded()
    t.recorder.deadLetter(t, 'dead', { ...record, timestamp: 3_600_001 }, { reason: 'no-row', ageMs: 5, table: 'rows' })
    expect(t.totals).toEqual({ ...newTotals(), deadLettered: { 'no-row': 1 }, clamped: 1 })
    expect(t.outcomes).toStrictEqual([{ type: 'dead-lettered', reason: 'no-row', origin }])
    expect(t.deadLetters).toEqual([{ application: 'app', reason: 'no-row', ageMs: 5, table: 'rows', origin }])
  })

  it('counts nothing if not even the reason of a dead letter fits', () => {
    const t = new Recorded('halt', 100)
    expect(() => t.recorder.deadLetter(t, 'dead', record, { reason: 'no-row', ageMs: 0 })).toThrow(
      expect.objectContaining({
        code: 'RECORD_TOO_LARGE',
        message: expect.stringMatching(
          /: a dead letter takes up to \d{3} bytes, but dead accepts only 100 \(in\[7\] at offset 12\): raise max.message.bytes of dead$/,
        ),
        ...origin,
      }),
    )
    expect([t.totals, t.outputs, t.outcomes]).toEqual([newTotals(), [], []])
  })
})

describe('a failure', () => {
  const where = '(in[7] at offset 12)'

  it('halts with advice, and has no outcome', () => {
    const t = new Recorded()
    expect(() => t.recorder.handleFailure(t, record, failure)).toThrow(
      expect.objectContaining({
        code: 'DECODE_FAILED',
        cause: failure.cause,
        message: `DECODE_FAILED: a record of stream in cannot be decoded: it is empty ${where}: set onError: { deadLetter } on stream in to dead-letter such records`,
        ...origin,
      }),
    )
    expect([t.totals, t.outputs, t.outcomes]).toEqual([newTotals(), [], []])
  })

  it('is dead-lettered without that advice where onError says so', () => {
    const t = new Recorded({ topic: 'dead' })
    t.recorder.handleFailure(t, record, failure, 3)
    const message = `DECODE_FAILED: a record of stream in cannot be decoded: it is empty ${where}`
    expect(t.deadLetters).toMatchObject([{ reason: 'undecodable', ageMs: 3, message }])
    expect(t.outcomes).toMatchObject([{ type: 'dead-lettered', reason: 'undecodable', origin, error: { message } }])
    expect(t.totals).toEqual({ ...newTotals(), deadLettered: { undecodable: 1 } })
  })

  it('of a record that is too large names the topic to change, in both cases', () => {
    const large = tooLarge('a result', 9, { topic: 'out', maxMessageBytes: 8 })
    const message = `RECORD_TOO_LARGE: a result takes up to 9 bytes, but out accepts only 8 ${where}: raise max.message.bytes of out`
    const halting = new Recorded()
    expect(() => halting.recorder.handleFailure(halting, record, large)).toThrow(
      `${message}, or set onError: { deadLetter } on stream in to dead-letter such records`,
    )
    const t = new Recorded({ topic: 'dead' })
    t.recorder.handleFailure(t, record, large)
    expect(t.deadLetters).toMatchObject([{ reason: 'too-large', message }])
  })
})

it('outputs and dead letters that brokers delete at once are counted, by topic', () => {
  const { recorder, totals, ...recorded } = new Recorded({ topic: 'dead' })
  const effects = { ...recorded, logTimeMs: 0, output: () => {}, refusal: () => undefined, outcome: () => {} }
  const old = { ...record, timestamp: -5_001 }
  for (let i = 0; i < 2; i++) expect(recorder.emit(effects, 'out', old, Buffer.from('v'))).toBeUndefined()
  recorder.handleFailure(effects, old, failure)
  recorder.emit(effects, 'out', record, Buffer.from('v'))
  expect(totals).toMatchObject({ emitted: 3, olderThanRetention: { out: 2, dead: 1 }, clamped: 0 })
})
