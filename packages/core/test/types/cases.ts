/** A rule that the compiler enforces: code that follows it, code that breaks it, and the diagnostic. */
export interface TypeCase {
  readonly rule: string
  /** Code that compiles, and asserts the inferred types. */
  readonly good: string
  readonly bad: string
  /** The only diagnostic of `bad`. */
  readonly code: number
}

const ARGUMENT = 2345 // argument not assignable to parameter
const ASSIGN = 2322 // type not assignable
const ASSIGN_OPTIONAL = 2375 // the same, where the type has optional properties
const MISSING = 2741 // property missing
const MISSING_SEVERAL = 2740
const UNKNOWN_OPTION = 2353 // object literal may only specify known properties
const NO_PROPERTY = 2339
const READ_ONLY = 2540
const NO_OVERLOAD = 2769
const MAYBE_NULL = 18047
const MAYBE_UNDEFINED = 18048

const WAIT = `wait: { atMost: '1m', otherwise: 'drop' }`

/** Joins, waits and sinks. */
export const PIPELINE_CASES: readonly TypeCase[] = [
  {
    rule: 'the table of a join has keys of the same type as the stream',
    good: `activations.join(prices, (a, p) => { same<typeof p, Readonly<Price>>(); return a })`,
    bad: `activations.join(byNumber, (a, _p) => a)`,
    code: ARGUMENT,
  },
  {
    rule: 'a stream is joined with a table, not with a stream',
    good: `const j = activations.join(information, (a, _r) => a); same<typeof j, Joined<string, Readonly<Event>>>()`,
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
    rule: 'the row of an inner join has the decoded type of the table, with defaults applied',
    good: `activations.join(information, (a, row) => { same<typeof a, Readonly<Event>>(); same<typeof row, Readonly<Row>>(); return row })`,
    bad: `activations.join(information, (a, row) => ({ ...a, id: row.external }))`,
    code: 2551, // property does not exist; did you mean …
  },
  {
    rule: 'the row of a left join can be undefined',
    good: `activations.leftJoin(information, (a, row) => { same<typeof row, Readonly<Row> | undefined>(); return { ...a, id: row?.externalId } })`,
    bad: `activations.leftJoin(information, (a, row) => ({ ...a, id: row.externalId }))`,
    code: MAYBE_UNDEFINED,
  },
  {
    rule: 'a left join can have a null key, an inner join cannot',
    good: `activations.join(information, (a, _r, record) => { same<typeof record, RecordInfo<string>>(); return record.key.length })`,
    bad: `activations.leftJoin(information, (a, _r, record) => record.key.length)`,
    code: MAYBE_NULL,
  },
  {
    rule: 'functions before a join can have a null key',
    good: `
      const s = activations.mapValues((a, record) => { same<typeof record.key, string | null>(); return a.productId })
      same<typeof s, Stream<string, string>>()`,
    bad: `activations.mapValues((a, record) => record.key.length)`,
    code: MAYBE_NULL,
  },
  {
    rule: 'functions after a left join can have a null key, until an inner join drops it',
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
    rule: 'the wait of an inner join specifies what happens without a row',
    good: `
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop' } })
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: 'dead' } } })
      activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: { deadLetter: raw } } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m' } })`,
    code: MISSING,
  },
  {
    rule: 'the wait of a left join has no otherwise: its joiner runs',
    good: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m' } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { ${WAIT} })`,
    code: UNKNOWN_OPTION,
  },
  {
    rule: 'a wait has a limit',
    good: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '250ms' } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: {} })`,
    code: MISSING,
  },
  {
    rule: 'a duration is a number of milliseconds or a text with a unit',
    good: `
      activations.join(information, (a, _r) => a, { wait: { atMost: '30m', otherwise: 'drop' } })
      activations.join(information, (a, _r) => a, { wait: { atMost: 1_800_000, otherwise: 'drop' } })
      same<ReturnType<typeof durationMs>, number>(); durationMs(5); durationMs('5s', 'option')`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: 30n, otherwise: 'drop' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a text is a duration only with a unit',
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
    rule: 'a size is a number of bytes or a text with a known unit',
    good: `
      const size: Size = '64MiB'
      const bare: Size = 65_536
      json<Price>({ maxBytes: bare }); json<Price>({ maxBytes: '1MiB' }); sizeBytes(size)
      activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', maxBytes: size } })`,
    bad: `activations.leftJoin(information, (a, _r) => a, { wait: { atMost: '1m', maxBytes: '64MB' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a full wait buffer pauses or dead-letters, it does not drop',
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
    rule: 'ready gets the row and the value',
    good: `
      activations.join(information, (a, _r) => a, {
        wait: { atMost: '1m', otherwise: 'drop', ready: (row, a) => { same<typeof row, Readonly<Row>>(); same<typeof a, Readonly<Event>>(); return row.active } },
      })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: (row) => row.enabled } })`,
    code: NO_PROPERTY,
  },
  {
    rule: 'ready is synchronous',
    good: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: () => true } })`,
    bad: `activations.join(information, (a, _r) => a, { wait: { atMost: '1m', otherwise: 'drop', ready: async () => true } })`,
    code: ASSIGN,
  },
  {
    rule: 'grace needs a versioned table, which does not exist yet',
    good: `activations.join(information, (a, _r) => a, { name: 'information' })`,
    bad: `activations.join(information, (a, _r) => a, { grace: '10s' })`,
    code: UNKNOWN_OPTION,
  },
  {
    rule: 'a joiner does not change the row',
    good: `
      class Money { #cents = 1; plus(other: Money): Money { return other } }
      declare const serdes: { key: Serde<string>; value: Serde<Money>; list: Serde<string[]>; any: Serde<any>; unknown: Serde<unknown> }
      const money = topic('money', serdes)
      stream(money).join(table(money.named('m')), (a, b) => a.plus(b)).to(money)
      const list = topic('list', { key: text(), value: serdes.list })
      stream(list).filter((values) => values.length > 0).to(list)
      stream(topic('any', { key: text(), value: serdes.any })).mapValues((a) => { same<typeof a, any>(); return 1 })
      stream(topic('unknown', { key: text(), value: serdes.unknown })).mapValues((a) => { same<typeof a, unknown>(); return 1 })
      const generic = <T extends object>(t: Topic<string, T>) => stream(t).filter(() => true).join(table(t.named('x')), (a) => a).to(t)
      generic(money)`,
    bad: `activations.join(prices, (a, price) => { price.cents = 1; return a })`,
    code: READ_ONLY,
  },
  {
    rule: 'a filter does not change the event',
    good: `activations.filter((a) => a.productId === 'p')`,
    bad: `activations.filter((a) => { a.productId = 'p'; return true })`,
    code: READ_ONLY,
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
    rule: 'the result of an async joiner matches no topic',
    good: `const p = activations.join(information, (a, r) => ({ ...a, ...r })).to(notifications); same<typeof p, Pipeline>()`,
    bad: `activations.join(information, async (a, r) => ({ ...a, ...r })).to(notifications)`,
    code: ARGUMENT,
  },
  {
    rule: 'a filter is synchronous',
    good: `const s = activations.filter((a) => a.productId !== ''); same<typeof s, Stream<string, Event>>()`,
    bad: `activations.filter(async (a) => a.productId !== '')`,
    code: NO_OVERLOAD,
  },
  {
    rule: 'a filter with a type predicate narrows the value',
    good: `
      type E = { type: 'activated'; productId: string } | { type: 'retired' }
      const s = stream(topic('e', { key: text(), value: json<E>() })).filter((e) => e.type === 'activated')
      same<typeof s, Stream<string, Readonly<{ type: 'activated'; productId: string }>>>()
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
    rule: 'each join of a chain gets the result of the previous one',
    good: `
      activations
        .join(information, (a, { externalId }) => ({ ...a, externalId }), { ${WAIT} })
        .leftJoin(prices, (event, price) => {
          same<typeof event, Readonly<{ externalId: string; productId: string; activatedAt: Date }>>()
          same<typeof price, Readonly<Price> | undefined>()
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
    rule: 'records for a topic whose schema transforms have the input type of the schema',
    good: `activations.mapValues((a) => ({ ...a, activatedAt: a.activatedAt.toISOString() })).to(productActivation)`,
    bad: `activations.to(productActivation)`,
    code: ARGUMENT,
  },
  {
    rule: 'results go to a topic with an encoder',
    good: `
      declare const sink: { kind: 'topic'; name: string; key: Encoder<string>; value: Encoder<Event> }
      activations.to(sink)`,
    bad: `
      declare const source: { kind: 'topic'; name: string; key: Decoder<string>; value: Decoder<Event> }
      activations.to(source)`,
    code: ARGUMENT,
  },
  {
    rule: 'streams and tables come from topics with a decoder',
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
    rule: 'a table has one of two orders',
    good: `table(productInformation, { order: 'by-timestamp', onError: { deadLetter: 'x' } })`,
    bad: `table(productInformation, { order: 'stream-first' })`,
    code: ASSIGN,
  },
]

/** Topics, running, producing and consuming. */
export const RUN_CASES: readonly TypeCase[] = [
  {
    rule: 'run takes a pipeline, not a chain without an output topic',
    good: `const running = run([pipeline, pipeline], { application: 'x', log: memoryLog() }); same<typeof running, Promise<App>>()`,
    bad: `run(activations.join(information, (a, r) => ({ ...a, ...r })), { application: 'x', log: memoryLog() })`,
    code: ARGUMENT,
  },
  {
    rule: 'run needs an application and a log',
    good: `run(pipeline, { application: 'x', log, stores: memoryStores(), commitEvery: '50ms', signal: shutdownSignal('SIGTERM') })`,
    bad: `run(pipeline, { log })`,
    code: ARGUMENT,
  },
  {
    rule: 'an in-memory log offers both guarantees, and can be used where one of them is required',
    good: `
      const memory = memoryLog({ partitions: 4, retain: { records: 10 } })
      same<typeof memory, Log<Guarantee>>()
      const exactlyOnce: Log = memory
      const atLeastOnce: Log<'at-least-once'> = memory
      for (const guarantee of ['exactly-once', 'at-least-once'] as const) run(pipeline, { application: 'x', log: memory, guarantee })
      run(pipeline, { application: 'x', log: memory })`,
    bad: `run(pipeline, { application: 'x', log: memoryLog(), guarantee: 'at-most-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'a log without transactions guarantees at-least-once only',
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
    rule: 'a log without transactions cannot replace one that has them',
    good: `const full: Log = composeLog({ source: logSource, sink: logSink, tasks: logTasks, group: singleMember(logSource) })`,
    bad: `const full: Log = composeLog({ source: logSource, sink: logSink, offsets: logOffsets })`,
    code: ASSIGN_OPTIONAL,
  },
  {
    rule: 'a log with transactions but without offsets does not offer at-least-once',
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
    rule: 'code that accepts any log cannot run a pipeline on it',
    good: `
      const copy = (from: Log<never>) => produce(from, notifications, { key: 'k', value: { productId: 'p', externalId: 'x' } })
      copy(log); copy(memoryLog()); copy(composeLog({ source: logSource, sink: logSink, offsets: logOffsets }))`,
    bad: `const start = (on: Log<never>) => run(pipeline, { application: 'x', log: on, guarantee: 'exactly-once' })`,
    code: ASSIGN,
  },
  {
    rule: 'an operator runs one pipeline for one partition',
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
    rule: 'an operator needs an application and a partition',
    good: `openOperator(pipeline, { application: 'x', partition: 0, stores: memoryStores(), outputs: { notifications: { partitions: 4 } } })`,
    bad: `openOperator(pipeline, { application: 'x' })`,
    code: ARGUMENT,
  },
  {
    rule: 'expire of an operator needs the end offsets of the tables',
    good: `
      declare const operator: Operator
      await operator.expire((at) => log.source.endOffset(at, 'high-watermark'))`,
    bad: `
      declare const operator: Operator
      await operator.expire()`,
    code: 2554, // one argument is missing
  },
  {
    rule: 'maxIdle is a duration or never',
    good: `run(pipeline, { application: 'x', log, maxIdle: 'never' }); run(pipeline, { application: 'x', log, maxIdle: '1s' })`,
    bad: `run(pipeline, { application: 'x', log, maxIdle: 'always' })`,
    code: ASSIGN,
  },
  {
    rule: 'an option cannot be set to undefined',
    good: `run(pipeline, { application: 'x', log })`,
    bad: `run(pipeline, { application: 'x', log, commitEvery: undefined })`,
    code: 2379, // exactOptionalPropertyTypes
  },
  {
    rule: 'a query takes a key of its table',
    good: `const row = app.query(information).get('p1'); same<typeof row, Promise<Row | undefined>>()`,
    bad: `app.query(information).get(1)`,
    code: ARGUMENT,
  },
  {
    rule: 'a row can be missing',
    good: `const id = (await app.query(information).get('p1'))?.externalId; same<typeof id, string | undefined>()`,
    bad: `(await app.query(information).get('p1')).externalId`,
    code: 2532, // object is possibly undefined
  },
  {
    rule: 'a table without history cannot be queried as of a time',
    good: `for await (const [key, row] of app.query(information).entries()) { same<typeof key, string>(); same<typeof row, Row>() }`,
    bad: `app.query(information).getAsOf('p1', 1)`,
    code: NO_PROPERTY,
  },
  {
    rule: 'a produced value has the input type of the schema of its topic',
    good: `
      await produce(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: '2026-01-01T00:00:00Z' } })
      await produce(log, productInformation, { key: 'p', value: { productId: 'p', externalId: 'x' } }, { key: 'p', value: null })`,
    bad: `await produce(log, productInformation, { key: 'p', value: { productId: 'p' } })`,
    code: MISSING,
  },
  {
    rule: 'a produced value does not have the output type of the schema',
    good: `await produce(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: new Date().toISOString() } })`,
    bad: `await produce(log, productActivation, { key: 'p', value: { productId: 'p', activatedAt: new Date() } })`,
    code: ASSIGN,
  },
  {
    rule: 'a produced record has the key type of its topic',
    good: `await produce(log, notifications, { key: null, value: { productId: 'p', externalId: 'x' }, timestamp: 1, headers: [] })`,
    bad: `await produce(log, notifications, { key: 1, value: { productId: 'p', externalId: 'x' } })`,
    code: ASSIGN,
  },
  {
    rule: 'a consumed record can be a tombstone',
    good: `for await (const record of consume(log, productActivation)) { same<typeof record, ConsumerRecord<string, Event>>(); record.value?.activatedAt.getTime() }`,
    bad: `for await (const { value } of consume(log, productActivation)) value.activatedAt`,
    code: MAYBE_NULL,
  },
  {
    rule: 'json without a type or a schema encodes nothing',
    good: `const t = topic('t', { key: text(), value: json<Price>() }); same<typeof t, Topic<string, Price>>(); await produce(log, t, { key: 'k', value: { cents: 1 } })`,
    bad: `await produce(log, topic('t', { key: text(), value: json() }), { key: 'k', value: { cents: 1 } })`,
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
    rule: 'the values of a topic are decoded synchronously',
    good: `
      declare const registry: { decode(bytes: Uint8Array): any; encode(value: unknown): any }
      const t = topic('t', { key: text(), value: { format: 'avro', decode: (b) => registry.decode(b), encode: (value: Row) => registry.encode(value) } })
      same<typeof t, Topic<string, any, Row>>()
      const u = topic('u', { key: text(), value: { format: 'avro', decode: (b): Row => registry.decode(b), encode: (value: Row) => registry.encode(value) } })
      same<typeof u, Topic<string, Row>>()
      const generic = <K, V>(key: Serde<K>, value: Serde<V>) => table(topic('v', { key, value }))
      same<ReturnType<typeof generic<string, Row>>, Table<string, Row, 'latest'>>()`,
    bad: `
      declare const registry: { decode(bytes: Uint8Array): Promise<any>; encode(value: unknown): any }
      topic('t', { key: text(), value: { format: 'avro', decode: (b) => registry.decode(b), encode: (value: Row) => registry.encode(value) } })`,
    code: ASSIGN,
  },
  {
    rule: 'the keys of a topic are decoded synchronously',
    good: `
      const key: Serde<string> = { format: 'text', decode: (b) => Buffer.from(b).toString(), encode: (s) => Buffer.from(s) }
      topic('t', { key, value: text() })`,
    bad: `
      declare const key: Serde<Promise<string>>
      topic('t', { key, value: text() })`,
    code: ASSIGN,
  },
  {
    rule: 'streams and tables come from topics that are decoded synchronously',
    good: `
      declare const source: ReadableTopic<unknown, any>
      const [s, t] = [stream(source), table(source)]
      same<typeof s, Stream<unknown, any>>()
      same<typeof t, Table<unknown, any, 'latest'>>()`,
    bad: `
      declare const source: ReadableTopic<string, Promise<any>>
      table(source)`,
    code: ARGUMENT,
  },
  {
    rule: 'encode is synchronous',
    good: `const serde: Serde<string> = { ...text(), encode: (value) => new TextEncoder().encode(value) }`,
    bad: `
      declare const registry: { encode(value: string): Promise<any> }
      const serde: Serde<string> = { ...text(), encode: (value) => registry.encode(value) }`,
    code: MISSING_SEVERAL,
  },
  {
    rule: 'encode returns bytes',
    good: `const serde: Serde<string> = { ...text(), encode: (value) => Buffer.from(value) }`,
    bad: `const serde: Serde<string> = { ...text(), encode: (value) => value }`,
    code: ASSIGN,
  },
  {
    rule: 'a custom serde needs both decode and encode',
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
    rule: 'reasons are a closed list',
    good: `
      const dropped = app.metrics().pipelines['p']?.dropped
      same<typeof dropped, Readonly<Partial<Record<Reason, number>>> | undefined>()
      same<Reason, 'undecodable' | 'function-threw' | 'function-blocked' | 'no-row' | 'not-ready' | 'wait-buffer-full' | 'null-key' | 'null-value' | 'filtered' | 'too-large' | 'refused' | 'duplicate' | 'call-conflict' | 'in-doubt' | 'abandoned'>()`,
    bad: `const reason: Reason = 'missing-row'`,
    code: ASSIGN,
  },
  {
    rule: 'a comparison with a reason that does not exist is an error',
    good: `if (deadLetterInfo([])?.reason === 'no-row') same<ReturnType<typeof deadLetterInfo>, DeadLetterInfo | undefined>()`,
    bad: `if (deadLetterInfo([])?.reason === 'expired') shutdownSignal()`,
    code: 2367, // no overlap
  },
  {
    rule: 'metrics of a pipeline can be undefined',
    good: `const waiting = app.metrics().pipelines['p']?.waiting; same<typeof waiting, number | undefined>()`,
    bad: `app.metrics().pipelines['p'].waiting`,
    code: 2532,
  },
  {
    rule: 'metrics are read-only',
    good: `const { pipelines } = app.metrics(); same<typeof pipelines, Metrics['pipelines']>()`,
    bad: `app.metrics().pipelines = {}`,
    code: 2540, // read-only
  },
  {
    rule: 'events are distinguished by their type',
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
    rule: 'the test driver produces and consumes the types of the topics',
    good: `
      const t = await testDriver(pipeline)
      await t.produce(productInformation, { key: 'p1', value: { productId: 'p1', externalId: 'x1' } })
      const [dead] = t.consumeDeadLetters(productActivation.named('dead'))
      same<NonNullable<typeof dead>['value'], Event | null>()
      const [note] = t.consume(notifications)
      same<typeof note, ConsumerRecord<string, Notification> | undefined>()`,
    bad: `await (await testDriver(pipeline)).produce(productInformation, { key: 'p1', value: { productId: 'p1' } })`,
    code: MISSING,
  },
]
