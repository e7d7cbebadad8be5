import { describe, expect, it } from 'vitest'
import { JoineryError, json, type Serde, type StreamOptions, stream, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { OperatorHarness } from '../join/operator-harness.js'

const picky: Serde<string> = {
  ...text(),
  decode: (bytes) => {
    if (bytes?.length === 0) throw new Error('it is empty')
    return text().decode(bytes)
  },
  encode: (value) => {
    if (value === 'refused') throw new Error('it is refused')
    return text().encode(value)
  },
}
const events = topic('events', { key: text(), value: picky })
const rows = topic('rows', { key: text(), value: picky })
const out = topic('out', { key: text(), value: picky })
const deadLetter = { deadLetter: 'dead' }

const joined = (options: StreamOptions = {}): Pipeline =>
  stream(events, options)
    .mapValues((value) => {
      if (value === 'bad') throw new Error('a bad value')
      return value
    })
    .join(table(rows), (value, row) => (row === 'refused' ? row : value + row))
    .filter((value) => value !== 'filtered')
    .to(out)

/** What goes wrong with an event `value` whose row is `row`. */
const FAILURES = [
  ['', 'row', 'undecodable', 'DECODE_FAILED', 'the value of a record of stream events cannot be decoded: it is empty'],
  ['v', '', 'undecodable', 'DECODE_FAILED', 'a row of table rows cannot be decoded: it is empty'],
  ['bad', 'row', 'function-threw', 'FUNCTION_THREW', 'the function of mapValues in pipeline events threw: a bad value'],
  [
    'v',
    'refused',
    'function-threw',
    'ENCODE_FAILED',
    'a result of pipeline events cannot be encoded as a value of out: it is refused',
  ],
] as const

describe.each(FAILURES)('an event %j whose row is %j', (value, row, reason, code, message) => {
  const failing = (pipeline: Pipeline) => {
    const t = new OperatorHarness(pipeline)
    t.row('rows', 'k', row)
    return t
  }

  it(`halts the application with ${code}, the position of the event, and advice`, () => {
    const t = failing(joined())
    expect(() => t.event('k', value, { offset: 5 })).toThrow(
      expect.objectContaining({
        code,
        topic: 'events',
        partition: 2,
        offset: 5,
        cause: expect.any(Error),
        message: expect.stringContaining(
          `${message} (events[2] at offset 5): set onError: { deadLetter } on stream events to dead-letter such records`,
        ),
      }),
    )
    expect(t.outputs).toEqual([])
  })

  it('is dead-lettered and reported with onError: { deadLetter }, without advice that was followed', () => {
    const t = failing(joined({ onError: deadLetter }))
    t.event('k', value, { offset: 5 })
    expect(t.deadLetters('dead')).toMatchObject([{ reason, message: `${code}: ${message} (events[2] at offset 5)` }])
    expect(t.outcomes).toEqual([
      {
        type: 'dead-lettered',
        reason,
        origin: { topic: 'events', partition: 2, offset: 5 },
        error: expect.objectContaining({ code }),
      },
    ])
  })
})

describe('an error whose cause has a code of its own', () => {
  const cause = new JoineryError('DECODE_FAILED', 'it is empty', { problems: ['n is missing'] })
  const fails = (): never => {
    throw cause
  }

  it('names the code once, and keeps the problems of a schema', () => {
    const strict = topic('events', { key: text(), value: { ...text(), decode: fails } })
    const t = new OperatorHarness(stream(strict, { onError: deadLetter }).to(out))
    t.event('k', 'v', { offset: 5 })
    const message =
      'DECODE_FAILED: the value of a record of stream events cannot be decoded: it is empty (events[2] at offset 5)'
    expect(t.deadLetters('dead')).toMatchObject([{ message }])
    expect(t.outcomes).toMatchObject([{ error: { message, problems: ['n is missing'] } }])
  })

  it('names both codes if they differ', () => {
    const t = new OperatorHarness(stream(events, { onError: deadLetter }).mapValues(fails).to(out))
    t.event('k', 'v', { offset: 5 })
    const message =
      'FUNCTION_THREW: the function of mapValues in pipeline events threw: DECODE_FAILED: it is empty (events[2] at offset 5)'
    expect(t.deadLetters('dead')).toMatchObject([{ message }])
  })
})

describe('a function that throws', () => {
  const thrown = (error: unknown) => (): never => {
    throw error
  }
  const fails = thrown(new Error('a bug'))

  it.each([
    [
      'the function of filter in pipeline p',
      () =>
        stream(events, { name: 'p' })
          .filter(fails)
          .join(table(rows), (value) => value),
    ],
    [
      'the joiner of join second in pipeline p',
      () =>
        stream(events, { name: 'p' })
          .join(table(rows), (value) => value)
          .leftJoin(table(rows), fails, { name: 'second' }),
    ],
    [
      'wait.ready of join rows in pipeline p',
      () =>
        stream(events, { name: 'p' }).join(table(rows), (value) => value, {
          wait: { atMost: '1m', otherwise: 'drop', ready: fails },
        }),
    ],
  ])('is named: %s', (name, made) => {
    const t = new OperatorHarness(made().to(out))
    t.row('rows', 'k', 'row')
    expect(() => t.event('k', 'v')).toThrow(
      expect.objectContaining({
        code: 'FUNCTION_THREW',
        message: expect.stringContaining(`FUNCTION_THREW: ${name} threw: a bug (events[2]`),
      }),
    )
  })

  const hostile = new Proxy(
    {},
    { get: thrown(new Error('a trap')), has: thrown(new Error('a trap')), getPrototypeOf: thrown(new Error('a trap')) },
  )

  it.each([
    ['a string', 'just a string', ' threw: just a string (events[2]'],
    ['nothing', undefined, ' threw (events[2]'],
    ['an object that throws when it is looked at', hostile, ' threw (events[2]'],
  ])('is named whatever it throws: %s', (_, error, text) => {
    const t = new OperatorHarness(stream(events, { onError: deadLetter }).mapValues(thrown(error)).to(out))
    t.event('k', 'v', { offset: 5 })
    expect(t.deadLetters('dead')).toMatchObject([
      {
        reason: 'function-threw',
        message: expect.stringContaining(`the function of mapValues in pipeline events${text}`),
      },
    ])
  })
})

describe('a function that returns a promise', () => {
  const later = (async () => 'later') as unknown as () => string

  it.each([
    [
      'in the middle, though no step uses its result',
      () =>
        stream(events)
          .mapValues(later)
          .mapValues(() => 'v'),
    ],
    ['at the end', () => stream(events).mapValues(later)],
    ['in a filter', () => stream(events).filter(later as unknown as () => boolean)],
  ])('is refused: %s', (_, made) => {
    const anything = topic('out', { key: text(), value: json<string>() })
    const t = new OperatorHarness(made().to(anything))
    expect(() => t.event('k', 'v')).toThrow(expect.objectContaining({ message: expect.stringContaining('promise') }))
  })
})

describe('an event that is dead-lettered without an error', () => {
  it('is reported without one', () => {
    const t = new OperatorHarness(
      stream(events)
        .join(table(rows), (value, row) => value + row, { wait: { atMost: '1m', otherwise: deadLetter } })
        .to(out),
    )
    t.event('k', 'v', { offset: 5 })
    t.now += 60_000
    t.reachEnd('rows')
    expect(t.outcomes).toStrictEqual([
      { type: 'dead-lettered', reason: 'no-row', origin: { topic: 'events', partition: 2, offset: 5 } },
    ])
  })
})
