/** A rule that the compiler enforces: what breaks it, with the diagnostic that says so, and what keeps to it. */
export interface TypeCase {
  readonly rule: string
  /** Compiles, and asserts what is inferred. */
  readonly good: string
  readonly bad: string
  /** The only diagnostic of `bad`. */
  readonly code: number
}

const ARGUMENT = 2345 // argument not assignable to parameter
const ASSIGN = 2322 // type not assignable
const ASSIGN_OPTIONAL = 2375 // the same, where the type has optional properties
const MISSING = 2741 // property missing
const UNKNOWN_OPTION = 2353 // object literal may only specify known properties
const NO_PROPERTY = 2339
const NO_OVERLOAD = 2769
const MAYBE_NULL = 18047
const MAYBE_UNDEFINED = 18048

const WAIT = `wait: { atMost: '1m', otherwise: 'drop' }`

/** Joins, waits and sinks. */
export const PIPELINE_CASES: readonly TypeCase[] = [
  {
    rule: 'the table of a join has keys of the type of the stream',
    good: `activations.join(prices, (a, p) => { same<typeof p, Price>(); return a })`,
    bad: `activations.join(byNumber, (a, _p) => a)`,
    code: ARGUMENT,
  },
  {
    rule: 'a stream is joined with a table, not with a stream',
    good: `const j = activations.join(information, (a, _r) => a); same<typeof j, Joined<string, Event>>()`,
    bad: `activations.join(activations, (a, _r) => a)`,
    code: ARGUMENT,
  },
  {
    rule: 'a stream is joined with a table, not with a topic',
    good: `activations.leftJoin(table(productInformation), (a, _r) => a)`,
    bad: `activations.leftJoin(productInformation, (a, _r) => a)`,
    code: ARGUMENT,
  },
  {
    rule: 'the row of an inner join is what the table reads, defaults applied',
    good: `activations.join(information, (a, row) => { same<typeof a, Event>(); same<typeof row, Row>(); return row })`,
    bad: `activations.join(information, (a, row) => ({ ...a, id: row.external }))`,
    code: 2551, // property does not exist; did you mean …
  },
  {
    rule: 'the row of a left join may be undefined',
    good: `activations.leftJoin(information, (a, row) => { same<typeof row, Row | undefined>(); return { ...a, id: row?.externalId } })`,
    bad: `activations.leftJoin(information, (a, row) => ({ ...a, id: row.externalId }))`,
    code: MAYBE_UNDEFINED,
  },
  {
    rule: 'a left join may meet a null key, an inner join may not',
    good: `activations.join(information, (a, _r, record) => { same<typeof record, RecordInfo<string>>(); return record.key.length })`,
    bad: `activations.leftJoin(information, (a, _r, record) => record.key.length)`,
    code: MAYBE_NULL,
  },
  {
    rule: 'functions in front of a join may meet a null key',
    good: `
      const s = activations.mapValues((a, record) => { same<typeof record.key, string | null>(); return a.productId })
      same<typeof s, Stream<string, string>>()`,
    bad: `activations.mapValues((a, record) => record.key.length)`,
    code: MAYBE_NULL,
  },
  {
    rule: 'functions behind a left join may meet a null key, until an inner join has dropped it',
    good: `
      activations
        .leftJoin(prices, (a) => a)
        .filter((_a, record) => { same<typeof record.key, string | null>(); return true })
        .join(information, (a) => a)
        .mapValues((a, record) => { same<typeof record.key, string>(); return a })
        .leftJoin(prices, (a, _p, record) => { same<typeof record.key, string>(); return a }, { name: 'again' })`,
    bad: `activations.leftJoin(prices, (a) => a).filter((_a, record) => record.key.length > 0)`,
    code: MAYBE_NULL,
  },
  {
    rule: 'an inner wait says what happens when no row came',
    good: `
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop' } })
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: 'dead' } } })
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: raw } } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m' } })`,
    code: MISSING,
  },
  {
    rule: 'a left wait has no otherwise: its joiner runs',
    good: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m' } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { ${WAIT} })`,
    code: UNKNOWN_OPTION,
  },
  {
    rule: 'a wait has a bound',
    good: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '250ms' } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: {} })`,
    code: MISSING,
  },
  {
    rule: 'a duration is no bare number',
    good: `activations.join(information, (a, _r) => a, { wait: { atMost: '30m', otherwise: 'drop' } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: 30, otherwise: 'drop' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a duration has a unit',
    good: `for (const d of ['1ms', '1.5s', '1m', '1h', '1d'] satisfies Duration[]) duration(d)`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '30' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a duration has a known unit',
    good: `same<ReturnType<typeof duration>, Duration>()`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '2w' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a size has a known unit',
    good: `const size: Size = '64MiB'; activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', maxBytes: size } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', maxBytes: '64MB' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a full waiting room pauses or dead-letters, it does not drop',
    good: `
      activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', maxRecords: 5, whenFull: 'pause' } })
      activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', whenFull: { deadLetter: 'full' } } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', whenFull: 'drop' } })`,
    code: ASSIGN,
  },
  {
    rule: 'dead letters are bytes',
    good: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: raw } } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: notifications } } })`,
    code: ASSIGN,
  },
  {
    rule: 'ready is told the row and the value',
    good: `
      activations.join(information, (a, _r) => a, {
        wait: { atMost: '1m', otherwise: 'drop', ready: (row, a) => { same<typeof row, Row>(); same<typeof a, Event>(); return row.active } },
      })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: (row) => row.enabled } })`,
    code: NO_PROPERTY,
  },
  {
    rule: 'ready answers at once',
    good: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: () => true } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: async () => true } })`,
    code: ASSIGN,
  },
  {
    rule: 'grace needs a versioned table, which there is not yet',
    good: `activations.join(information, (a, _r) => a, { name: 'information' })`,
    bad: `activations.join(information, (a, _r) => a, { grace: '10s' })`,
    code: UNKNOWN_OPTION,
  },
  {
    rule: 'a joiner returns a value',
    good: `const j = activations.join(information, (a) => a.productId); same<typeof j, Joined<string, string>>()`,
    bad: `activations.join(information, (a, _r) => { a.productId })`,
    code: ARGUMENT,
  },
  {
    rule: 'a joiner does not return null',
    good: `activations.join(information, (_a, row) => ({ id: row.active ? row.externalId : null }))`,
    bad: `activations.join(information, (_a, row) => (row.active ? row : null))`,
    code: ASSIGN,
  },
  {
    rule: 'the result of an async joiner fits no topic',
    good: `const p = activations.join(information, (a, r) => ({ ...a, ...r })).to(notifications); same<typeof p, Pipeline>()`,
    bad: `activations.join(information, async (a, r) => ({ ...a, ...r })).to(notifications)`,
    code: ARGUMENT,
  },
  {
    rule: 'a filter answers at once',
    good: `const s = activations.filter((a) => a.productId !== ''); same<typeof s, Stream<string, Event>>()`,
    bad: `activations.filter(async (a) => a.productId !== '')`,
    code: NO_OVERLOAD,
  },
  {
    rule: 'a filter with a type predicate narrows the value',
    good: `
      type E = { type: 'activated'; productId: string } | { type: 'retired' }
      const s = stream(topic('e', { key: text(), value: json<E>() })).filter((e) => e.type === 'activated')
      same<typeof s, Stream<string, { type: 'activated'; productId: string }>>()
      s.mapValues((e) => e.productId)`,
    bad: `
      type E = { type: 'activated'; productId: string } | { type: 'retired' }
      stream(topic('e', { key: text(), value: json<E>() })).mapValues((e) => e.productId)`,
    code: NO_PROPERTY,
  },
  {
    rule: 'a mapped value is not undefined',
    good: `const s = activations.mapValues((a) => [a.productId]); same<typeof s, Stream<string, string[]>>()`,
    bad: `activations.mapValues((a) => [a.productId][0])`,
    code: ASSIGN,
  },
  {
    rule: 'each join of a chain is told what the one before returned',
    good: `
      activations
        .join(information, (a, { externalId }) => ({ ...a, externalId }), { ${WAIT} })
        .leftJoin(prices, (event, price) => {
          same<typeof event, { externalId: string; productId: string; activatedAt: Date }>()
          same<typeof price, Price | undefined>()
          return { productId: event.productId, externalId: event.externalId, cents: price?.cents ?? 0 }
        })
        .to(notifications)`,
    bad: `activations.join(information, (a) => a.productId).leftJoin(prices, (event) => event.externalId)`,
    code: NO_PROPERTY,
  },
  {
    rule: 'results have the type of the values of their topic',
    good: `activations.join(information, (a, r) => ({ productId: a.productId, externalId: r.externalId })).to(notifications)`,
    bad: `activations.join(information, (a, _r) => ({ productId: a.productId })).to(notifications)`,
    code: ARGUMENT,
  },
  {
    rule: 'results have the keys of their topic',
    good: `activations.to(topic('o', { key: text(), value: json<Event>() }))`,
    bad: `activations.to(topic('o', { key: int64(), value: json<Event>() }))`,
    code: ARGUMENT,
  },
  {
    rule: 'what is written to a topic whose schema transforms is the input of the schema',
    good: `activations.mapValues((a) => ({ ...a, activatedAt: a.activatedAt.toISOString() })).to(productActivation)`,
    bad: `activations.to(productActivation)`,
    code: ARGUMENT,
  },
  {
    rule: 'results go to a topic that can be written to',
    good: `
      declare const sink: { kind: 'topic'; name: string; key: Encoder<string>; value: Encoder<Event> }
      activations.to(sink)`,
    bad: `
      declare const source: { kind: 'topic'; name: string; key: Decoder<string>; value: Decoder<Event> }
      activations.to(source)`,
    code: ARGUMENT,
  },
  {
    rule: 'streams and tables come from topics that can be read',
    good: `
      declare const source: { kind: 'topic'; name: string; key: Decoder<string>; value: Decoder<Price> }
      const [s, t] = [stream(source), table(source)]
      same<typeof s, Stream<string, Price>>()
      same<typeof t, Table<string, Price, 'latest'>>()`,
    bad: `
      declare const sink: { kind: 'topic'; name: string; key: Encoder<string>; value: Encoder<Price> }
      table(sink)`,
    code: ARGUMENT,
  },
  {
    rule: 'a bad record halts or is dead-lettered',
    good: `stream(productActivation, { onError: 'halt', name: 'p' }); stream(productActivation, { onError: { deadLetter: raw } })`,
    bad: `stream(productActivation, { onError: 'skip' })`,
    code: ASSIGN,
  },
  {
    rule: 'a table starts in one of two ways',
    good: `table(productInformation, { order: 'by-timestamp', onError: { deadLetter: 'x' } })`,
    bad: `table(productInformation, { order: 'stream-first' })`,
    code: ASSIGN,
  },
]

/** Topics, running, sending and reading. */
export const RUN_CASES: readonly TypeCase[] = [
  {
    rule: 'a pipeline is run, not a chain without an end',
    good: `const running = run([pipeline, pipeline], { application: 'x', log: memoryLog() }); same<typeof running, Promise<App>>()`,
    bad: `run(activations.join(information, (a, r) => ({ ...a, ...r })), { application: 'x', log: memoryLog() })`,
    code: ARGUMENT,
  },
  {
    rule: 'a run has an application and a log',
    good: `run(pipeline, { application: 'x', log, stores: memoryStores(), commitEvery: '50ms', signal: shutdownSignal('SIGTERM') })`,
    bad: `run(pipeline, { log })`,
    code: ARGUMENT,
  },
  {
    rule: 'a log in memory offers both guarantees, and fits where one of them is asked for',
    good: `
      const memory = memoryLog({ partitions: 4, retain: { records: 10 } })
      same<typeof memory, Log<Guarantee>>()
      const exactly: Log = memory
      const least: Log<'at-least-once'> = memory
      for (const guarantee of ['exactly-once', 'at-least-once'] as const) run(pipeline, { application: 'x', log: memory, guarantee })
      run(pipeline, { application: 'x', log: memory })`,
    bad: `run(pipeline, { application: 'x', log: memoryLog(), guarantee: 'at-most-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'a log without transactions promises at least once, and nothing more',
    good: `
      const plain = composeLog({ source: logSource, sink: logSink, offsets: logOffsets })
      same<typeof plain, Log<'at-least-once'>>()
      run(pipeline, { application: 'x', log: plain })
      run(pipeline, { application: 'x', log: plain, guarantee: 'at-least-once' })
      reset(pipeline, { application: 'x', log: plain })`,
    bad: `run(pipeline, { application: 'x', log: composeLog({ source: logSource, sink: logSink, offsets: logOffsets }), guarantee: 'exactly-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'a log without transactions is not taken for one that has them',
    good: `const full: Log = composeLog({ source: logSource, sink: logSink, tasks: logTasks, group: singleMember(logSource) })`,
    bad: `const full: Log = composeLog({ source: logSource, sink: logSink, offsets: logOffsets })`,
    code: ASSIGN_OPTIONAL,
  },
  {
    rule: 'a log with transactions but without offsets does not promise at least once',
    good: `
      const full = composeLog({ source: logSource, sink: logSink, tasks: logTasks, offsets: logOffsets })
      same<typeof full, Log<Guarantee>>()
      run(pipeline, { application: 'x', log: full, guarantee: 'at-least-once' })`,
    bad: `run(pipeline, { application: 'x', log: composeLog({ source: logSource, sink: logSink, tasks: logTasks }), guarantee: 'at-least-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'a log needs offsets or tasks',
    good: `composeLog({ source: logSource, sink: logSink, offsets: offsetFiles('state') })`,
    bad: `composeLog({ source: logSource, sink: logSink })`,
    code: NO_OVERLOAD,
  },
  {
    rule: 'who takes any log cannot run on it',
    good: `
      const copy = (from: Log<never>) => send(from, notifications, { key: 'k', value: { productId: 'p', externalId: 'x' } })
      copy(log); copy(memoryLog()); copy(composeLog({ source: logSource, sink: logSink, offsets: logOffsets }))`,
    bad: `const start = (on: Log<never>) => run(pipeline, { application: 'x', log: on, guarantee: 'exactly-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'an operator is of one pipeline and one partition',
    good: `
      const operator = await openOperator(pipeline, { application: 'x', partition: 3 })
      same<typeof operator, Operator>()
      const step = await operator.process([], { 'product-information': 7 })
      same<typeof step, Step>()
      same<typeof step.outputs, readonly NewRecord[]>()
      same<typeof operator.nextDeadline, number | undefined>()`,
    bad: `openOperator([pipeline], { application: 'x', partition: 0 })`,
    code: ARGUMENT,
  },
  {
    rule: 'an operator has a name and a partition',
    good: `openOperator(pipeline, { application: 'x', partition: 0, stores: memoryStores(), outputs: { notifications: { partitions: 4 } } })`,
    bad: `openOperator(pipeline, { application: 'x' })`,
    code: ARGUMENT,
  },
  {
    rule: 'an operator lets events expire by the end of their table, not by a wish',
    good: `
      declare const operator: Operator
      await operator.expire((at) => log.source.end(at, 'high-watermark'))`,
    bad: `
      declare const operator: Operator
      await operator.expire()`,
    code: 2554, // one argument is missing
  },
  {
    rule: 'an idle input is waited for a while, or never',
    good: `run(pipeline, { application: 'x', log, maxIdle: 'never' }); run(pipeline, { application: 'x', log, maxIdle: '1s' })`,
    bad: `run(pipeline, { application: 'x', log, maxIdle: 'always' })`,
    code: ASSIGN,
  },
  {
    rule: 'options that are not there may not be set to undefined',
    good: `run(pipeline, { application: 'x', log })`,
    bad: `run(pipeline, { application: 'x', log, commitEvery: undefined })`,
    code: 2379, // exactOptionalPropertyTypes
  },
  {
    rule: 'a row is asked for by the key of its table',
    good: `const row = app.query(information).get('p1'); same<typeof row, Promise<Row | undefined>>()`,
    bad: `app.query(information).get(1)`,
    code: ARGUMENT,
  },
  {
    rule: 'a row may not be there',
    good: `const id = (await app.query(information).get('p1'))?.externalId; same<typeof id, string | undefined>()`,
    bad: `(await app.query(information).get('p1')).externalId`,
    code: 2532, // object is possibly undefined
  },
  {
    rule: 'a table without history has no past',
    good: `for await (const [key, row] of app.query(information).entries()) { same<typeof key, string>(); same<typeof row, Row>() }`,
    bad: `app.query(information).getAsOf('p1', 1)`,
    code: NO_PROPERTY,
  },
  {
    rule: 'what is sent has the value of its topic, as the schema takes it',
    good: `
      await send(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: '2026-01-01T00:00:00Z' } })
      await send(log, productInformation, { key: 'p', value: { productId: 'p', externalId: 'x' } }, { key: 'p', value: null })`,
    bad: `await send(log, productInformation, { key: 'p', value: { productId: 'p' } })`,
    code: MISSING,
  },
  {
    rule: 'what is sent is not the output of the schema',
    good: `await send(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: new Date().toISOString() } })`,
    bad: `await send(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: new Date() } })`,
    code: ASSIGN,
  },
  {
    rule: 'what is sent has the key of its topic',
    good: `await send(log, notifications, { key: null, value: { productId: 'p', externalId: 'x' }, timestamp: 1, headers: [] })`,
    bad: `await send(log, notifications, { key: 1, value: { productId: 'p', externalId: 'x' } })`,
    code: ASSIGN,
  },
  {
    rule: 'what is read may be a tombstone',
    good: `for await (const message of read(log, productActivation)) { same<typeof message, Message<string, Event>>(); message.value?.activatedAt.getTime() }`,
    bad: `for await (const { value } of read(log, productActivation)) value.activatedAt`,
    code: MAYBE_NULL,
  },
  {
    rule: 'json without a type or a schema writes nothing',
    good: `const t = topic('t', { key: text(), value: json<Price>() }); same<typeof t, Topic<string, Price>>(); await send(log, t, { key: 'k', value: { cents: 1 } })`,
    bad: `await send(log, topic('t', { key: text(), value: json() }), { key: 'k', value: { cents: 1 } })`,
    code: ASSIGN,
  },
  {
    rule: 'a schema gives a serde both of its types',
    good: `
      const serde = json(Activation, { maxBytes: 100, maxDepth: 3 })
      same<typeof serde, Serde<{ productId: string; activatedAt: Date }, { productId: string; activatedAt: string }>>()
      const t: Topic<string, Event, { productId: string; activatedAt: string }> = productActivation
      same<ReturnType<typeof t.named>, typeof productActivation>()`,
    bad: `json(Activation).encode({ productId: 'p', activatedAt: new Date() })`,
    code: ASSIGN,
  },
  {
    rule: 'int64 is a bigint',
    good: `same<ReturnType<ReturnType<typeof int64>['decode']>, bigint>(); int64().encode(5n)`,
    bad: `int64().encode(5)`,
    code: ARGUMENT,
  },
  {
    rule: 'a serde of the user fits where it reads and writes',
    good: `
      class Dates implements Serde<Date> {
        readonly format = 'date'
        encode(date: Date): Uint8Array { return Buffer.from(date.toISOString()) }
        decode(bytes: Uint8Array): Date { return new Date(Buffer.from(bytes).toString()) }
      }
      const t = topic('t', { key: text(), value: new Dates() })
      same<typeof t, Topic<string, Date>>()`,
    bad: `topic('t', { key: text(), value: { format: 'date', decode: () => new Date() } })`,
    code: MISSING,
  },
  {
    rule: 'reasons are those of the design',
    good: `
      const dropped = app.metrics().pipelines['p']?.dropped
      same<typeof dropped, Readonly<Partial<Record<Reason, number>>> | undefined>()
      same<Reason, 'undecodable' | 'function-threw' | 'no-row' | 'not-ready' | 'wait-buffer-full' | 'null-key' | 'null-value' | 'filtered' | 'too-large' | 'duplicate' | 'call-conflict' | 'in-doubt' | 'abandoned'>()`,
    bad: `const reason: Reason = 'missing-row'`,
    code: ASSIGN,
  },
  {
    rule: 'a reason that does not exist cannot be compared with',
    good: `if (deadLetterInfo([])?.reason === 'no-row') same<ReturnType<typeof deadLetterInfo>, DeadLetterInfo | undefined>()`,
    bad: `if (deadLetterInfo([])?.reason === 'expired') shutdownSignal()`,
    code: 2367, // no overlap
  },
  {
    rule: 'metrics of a pipeline that may not exist are looked at with care',
    good: `const waiting = app.metrics().pipelines['p']?.waiting; same<typeof waiting, number | undefined>()`,
    bad: `app.metrics().pipelines['p'].waiting`,
    code: 2532,
  },
  {
    rule: 'metrics are not for writing',
    good: `const { pipelines } = app.metrics(); same<typeof pipelines, Metrics['pipelines']>()`,
    bad: `app.metrics().pipelines = {}`,
    code: 2540, // read-only
  },
  {
    rule: 'events are told apart by their type',
    good: `
      const onEvent = (event: AppEvent) => {
        if (event.type === 'dead-lettered') same<typeof event.reason, Reason>()
        if (event.type === 'assigned') same<typeof event.tasks, readonly number[]>()
      }
      run(pipeline, { application: 'x', log, onEvent })`,
    bad: `run(pipeline, { application: 'x', log, onEvent: (event) => { event.reason } })`,
    code: NO_PROPERTY,
  },
  {
    rule: 'error codes are a closed list',
    good: `
      declare const error: unknown
      if (isJoineryError(error, 'KEY_ELSEWHERE')) same<typeof error.code, 'KEY_ELSEWHERE'>()
      if (isJoineryError(error)) { same<typeof error.code, ErrorCode>(); same<typeof error.offset, number | undefined>() }`,
    bad: `isJoineryError(new Error('x'), 'NO_SUCH_CODE')`,
    code: ARGUMENT,
  },
  {
    rule: 'errors carry one of the codes',
    good: `const error = new JoineryError('LOG_FAILED', 'x', { cause: 1, retriable: true }); same<typeof error.retriable, boolean>()`,
    bad: `new JoineryError('LOG_BROKEN', 'x')`,
    code: ARGUMENT,
  },
  {
    rule: 'headers are a list of pairs',
    good: `
      const headers: Headers = [['a', null], ['a', new Uint8Array(1)]]
      same<LogRecord['headers'], Headers>()
      same<LogRecord['offset'], number>()
      const record: NewRecord = { topic: 't', key: null, value: null, timestamp: 0, headers }`,
    bad: `const record: NewRecord = { topic: 't', key: null, value: null, timestamp: 0, headers: { a: null } }`,
    code: UNKNOWN_OPTION,
  },
  {
    rule: 'the test driver takes and gives what the topics say',
    good: `
      const t = await testDriver(pipeline)
      await t.produce(productInformation, { key: 'p1', value: { productId: 'p1', externalId: 'x1' } })
      const [dead] = t.consumeDeadLetters(productActivation.named('dead'))
      same<NonNullable<typeof dead>['value'], Event | null>()
      const [note] = t.consume(notifications)
      same<typeof note, Message<string, Notification> | undefined>()`,
    bad: `await (await testDriver(pipeline)).produce(productInformation, { key: 'p1', value: { productId: 'p1' } })`,
    code: MISSING,
  },
]
