import { describe, expect, it } from 'vitest'
import { int64, isJoineryError, stream, type Table, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { planApplication } from '../../src/pipeline/plan.js'

const serdes = { key: text(), value: text() }
const named = (name: string) => topic(name, serdes)
const events = named('events')
const rows = named('rows')
const out = named('out')
const first = (value: string) => value

/** @returns the problems of a plan, as users read them */
function problemsOf(what: Pipeline | readonly Pipeline[], application = 'app'): readonly string[] {
  try {
    planApplication(application, what)
  } catch (error) {
    if (isJoineryError(error, 'PIPELINE_INVALID')) return error.problems ?? []
    throw error
  }
  return []
}

describe('a valid pipeline', () => {
  const pipeline = stream(events, { name: 'mine', onError: { deadLetter: 'dead' } })
    .filter(() => true)
    .join(table(rows), first, { wait: { atMost: '90s', otherwise: { deadLetter: named('unmatched') } as never } })
    .leftJoin(table(named('more'), { order: 'by-timestamp' }), first, { name: 'second' })
    .mapValues(first)
    .to(out)

  it('is planned with numbers, defaults and all its topics', () => {
    const plan = planApplication('app', pipeline)
    expect(plan.inputs).toEqual(['events', 'rows', 'more'])
    expect(new Set(plan.outputs)).toEqual(new Set(['out', 'dead', 'unmatched']))
    const [mine] = plan.pipelines
    expect(mine).toMatchObject({ name: 'mine', stream: 'events', sink: 'out', onError: { topic: 'dead' } })
    expect(mine?.tables).toMatchObject([
      { topic: 'rows', order: 'table-first', onError: 'halt' },
      { topic: 'more', order: 'by-timestamp' },
    ])
    expect(mine?.joins).toMatchObject([
      {
        index: 0,
        name: 'rows',
        kind: 'inner',
        table: 0,
        wait: {
          atMostMs: 90_000,
          maxRecords: 100_000,
          maxBytes: 64 * 1_024 * 1_024,
          deadLetterWhenFull: undefined,
          otherwise: 'unmatched',
        },
      },
      { index: 1, name: 'second', kind: 'left', table: 1, wait: undefined },
    ])
    expect(mine?.steps.map(({ type }) => type)).toEqual(['filter', 'join', 'join', 'mapValues'])
  })

  it('can share a table with another pipeline, and join a table twice under two names', () => {
    const shared = table(rows)
    const twice = stream(events).join(shared, first).join(shared, first, { name: 'again' }).to(out)
    const other = stream(named('other')).leftJoin(shared, first).to(out)
    const plan = planApplication('app', [twice, other])
    expect(plan.tables.map(({ topic }) => topic)).toEqual(['rows'])
    expect(plan.pipelines[0]?.joins.map(({ table }) => table)).toEqual([0, 0])
  })

  it('may write results and dead letters of several pipelines to one topic', () => {
    const to = (name: string) => stream(named(name), { onError: { deadLetter: 'out' } }).to(out)
    expect(problemsOf([to('a'), to('b')])).toEqual([])
  })
})

describe('describe', () => {
  it('names inputs, outputs with dead-letter topics, and stores', () => {
    const pipeline = stream(events, { onError: { deadLetter: 'dead' } })
      .join(table(rows, { onError: { deadLetter: 'dead.rows' } }), first, {
        wait: { atMost: '1m', otherwise: { deadLetter: 'unmatched' }, whenFull: { deadLetter: 'full' } },
      })
      .join(table(rows), first, { name: 'again' })
      .to(out)
    const { inputs, outputs, stores } = pipeline.describe()
    expect(inputs).toEqual(['events', 'rows'])
    expect(new Set(outputs)).toEqual(new Set(['out', 'dead', 'dead.rows', 'unmatched', 'full']))
    expect(outputs).toHaveLength(5)
    expect(stores).toEqual(['rows'])
  })

  it('does not change when the chain is extended in another way', () => {
    const base = stream(events)
    const joined = base.join(table(rows), first).to(out)
    expect(base.to(out).describe().inputs).toEqual(['events'])
    expect(joined.describe().inputs).toEqual(['events', 'rows'])
  })
})

describe('an invalid pipeline', () => {
  it.each<[string, () => Pipeline | readonly Pipeline[], RegExp]>([
    ['no pipeline', () => [], /no pipeline/],
    [
      'a table whose keys have another format',
      () => {
        const other = topic('rows', { key: int64(), value: text() })
        return stream(events)
          .join(table(other) as unknown as Table<string, string>, first)
          .to(out)
      },
      /events \(text\).*rows \(int64\)/,
    ],
    [
      'an output whose keys have another format',
      () => {
        return stream(events).to(topic('out', { key: int64(), value: text() }) as never)
      },
      /events \(text\).*out \(int64\)/,
    ],
    [
      'two joins of one name',
      () => stream(events).join(table(rows), first).join(table(rows), first).to(out),
      /two joins.*rows/,
    ],
    [
      'an inner wait without otherwise',
      () => {
        return stream(events)
          .join(table(rows), first, { wait: { atMost: '1m' } as never })
          .to(out)
      },
      /otherwise/,
    ],
    [
      'a wait without a bound',
      () => {
        return stream(events)
          .join(table(rows), first, { wait: { otherwise: 'drop' } as never })
          .to(out)
      },
      /wait\.atMost/,
    ],
    [
      'an unknown unit',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '5w' as never } })
          .to(out)
      },
      /5w/,
    ],
    [
      'a wrong size',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '5m', maxBytes: '1MB' as never } })
          .to(out)
      },
      /maxBytes/,
    ],
    [
      'a wait buffer without room',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '5m', maxRecords: 0 } })
          .to(out)
      },
      /maxRecords/,
    ],
    [
      'a fraction of a record',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '5m', maxRecords: 1.5 } })
          .to(out)
      },
      /maxRecords/,
    ],
    [
      'a stream that is also a table',
      () => stream(events).join(table(events), first).to(out),
      /^topic events is a stream and a table: a topic has one role in an application$/,
    ],
    ['an output that is also a stream', () => stream(events).to(events), /events/],
    ['an output that is also a table', () => stream(events).join(table(rows), first).to(rows), /rows/],
    [
      'a dead-letter topic that is also an input',
      () => stream(events, { onError: { deadLetter: 'events' } }).to(out),
      /events/,
    ],
    ['an output that is the changelog', () => stream(events).to(named('app-changelog')), /app-changelog/],
    [
      'a stream of two pipelines',
      () => [stream(events, { name: 'a' }).to(out), stream(events, { name: 'b' }).to(out)],
      /^topic events is the stream of two pipelines: only one pipeline of an application can read it$/,
    ],
    [
      'two pipelines with one name',
      () => [stream(named('a'), { name: 'x' }).to(out), stream(named('b'), { name: 'x' }).to(out)],
      /two pipelines.*x/,
    ],
    [
      'a table that is defined twice with different options',
      () => [
        stream(named('a')).join(table(rows), first).to(out),
        stream(named('b'))
          .join(table(rows, { order: 'by-timestamp' }), first)
          .to(out),
      ],
      /rows is defined twice/,
    ],
    [
      'a table that is defined twice with different bounds',
      () => [
        stream(named('a')).join(table(rows), first).to(out),
        stream(named('b'))
          .join(table(rows, { maxBytes: '1GiB' }), first)
          .to(out),
      ],
      /rows is defined twice/,
    ],
    [
      'a table that is defined twice with different options in one pipeline',
      () =>
        stream(events)
          .join(table(rows), first)
          .join(table(rows, { onError: { deadLetter: 'dead' } }), first, { name: 'again' })
          .to(out),
      /rows is defined twice/,
    ],
    [
      'a stream instead of a table',
      () =>
        stream(events)
          .join(stream(rows) as never, first)
          .to(out),
      /table\(topic\)/,
    ],
    [
      'a topic instead of a table',
      () =>
        stream(events)
          .join(rows as never, first)
          .to(out),
      /table\(topic\)/,
    ],
    [
      'a dead-letter topic with an impossible name',
      () => stream(events, { onError: { deadLetter: 'no such name' } }).to(out),
      /no such name/,
    ],
    [
      'an otherwise that does not exist',
      () => {
        return stream(events)
          .join(table(rows), first, { wait: { atMost: '1m', otherwise: 'skip' as never } })
          .to(out)
      },
      /otherwise/,
    ],
    [
      'a whenFull that does not exist',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '1m', whenFull: 'drop' as never } })
          .to(out)
      },
      /whenFull/,
    ],
    ['an onError that does not exist', () => stream(events, { onError: 'skip' as never }).to(out), /onError/],
    [
      'an order that does not exist',
      () => {
        return stream(events)
          .join(table(rows, { order: 'first' as never }), first)
          .to(out)
      },
      /^pipeline events: table rows: order is "first": use 'table-first' or 'by-timestamp'$/,
    ],
    [
      'a bound that is not a size',
      () => {
        return stream(events)
          .join(table(rows, { maxBytes: '1GB' as never }), first)
          .to(out)
      },
      /^pipeline events: table rows: .*maxBytes is "1GB": use a number of bytes/,
    ],
    [
      'a stream option that does not exist',
      () => stream(events, { onErorr: 'halt' } as object).to(out),
      /^pipeline events: stream events: there is no option onErorr: use onError$/,
    ],
    [
      'a stream option that does not exist, of a pipeline of calls',
      () =>
        stream(events, { onErorr: 'halt' } as object).callOnce(async () => 1, { inDoubt: { deadLetter: 'in-doubt' } }),
      /^pipeline events: stream events: there is no option onErorr: use onError$/,
    ],
    [
      'a table option that does not exist',
      () =>
        stream(events)
          .join(table(rows, { sort: 1 } as object), first)
          .to(out),
      /^pipeline events: table rows: there is no option sort: use order, maxBytes, onError$/,
    ],
    [
      'a join option that does not exist',
      () =>
        stream(events)
          .join(table(rows), first, { Wait: { atMost: '1m', otherwise: 'drop' } } as object)
          .to(out),
      /^pipeline events: join rows: there is no option Wait: use wait$/,
    ],
    [
      'a wait option that does not exist',
      () => {
        return stream(events)
          .join(table(rows), first, { wait: { atMost: '1m', otherwise: 'drop', maxRecord: 1 } as never })
          .to(out)
      },
      /^pipeline events: join rows: wait: there is no option maxRecord: use maxRecords$/,
    ],
    [
      'otherwise in a left join, which emits instead',
      () => {
        return stream(events)
          .leftJoin(table(rows), first, { wait: { atMost: '1m', otherwise: 'drop' } as never })
          .to(out)
      },
      /^pipeline events: join rows: wait: there is no option otherwise: use atMost, ready, maxRecords, maxBytes, whenFull$/,
    ],
    [
      'an option of callOnce that does not exist',
      () =>
        stream(events).callOnce(async () => 1, { inDoubt: { deadLetter: 'in-doubt' }, timeOut: '1s' } as {
          inDoubt: { deadLetter: string }
        }),
      /^pipeline events: callOnce: there is no option timeOut: use timeout$/,
    ],
    ['a pipeline without a name', () => stream(events, { name: '' }).to(out), /name/],
    ['a pipeline name that is too long', () => stream(events, { name: 'x'.repeat(70_000) }).to(out), /name/],
    ['a pipeline name that UTF-8 cannot hold', () => stream(events, { name: 'a\ud800' }).to(out), /name/],
    [
      'a name that no JSON object can hold',
      () => stream(events).join(table(rows), first, { name: '__proto__' }).to(out),
      /__proto__/,
    ],
    ['a topic that no JSON object can hold', () => stream(events).to(named('__proto__')), /__proto__/],
  ])('is refused: %s', (_, build, problem) => {
    const problems = problemsOf(build())
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(problem)
  })

  it.each(['', 'a b', 'a/b', 'é', 'x'.repeat(201)])('is refused if the application is called %j', (name) => {
    expect(problemsOf(stream(events).to(out), name)).toEqual([expect.stringContaining('application')])
  })

  it('is refused with every problem at once, in one error', () => {
    const other = topic('rows', { key: int64(), value: text() })
    const pipelines = [
      stream(events)
        .join(table(other) as unknown as Table<string, string>, first, {
          wait: { atMost: 'soon' as never, maxRecords: -1, maxBytes: '5' as never } as never,
        })
        .to(events),
      stream(named('b'), { name: 'events' })
        .join(stream(rows) as never, first)
        .to(out),
    ]
    const plan = () => planApplication('no good', pipelines)
    expect(plan).toThrow(expect.objectContaining({ name: 'JoineryError', code: 'PIPELINE_INVALID' }))
    const problems = problemsOf(pipelines, 'no good')
    for (const part of [
      'application "no good"',
      'int64',
      'wait.atMost',
      'maxRecords',
      'maxBytes',
      'otherwise',
      'table(topic)',
      'two pipelines',
      'topic events is',
    ])
      expect(problems.filter((problem) => problem.includes(part))).toHaveLength(1)
    expect(problems).toHaveLength(9)
    for (const problem of problems) expect(plan).toThrow(problem)
  })

  it('is not a pipeline: a chain without an end', () => {
    expect(() => planApplication('app', stream(events) as unknown as Pipeline)).toThrow(TypeError)
  })
})
