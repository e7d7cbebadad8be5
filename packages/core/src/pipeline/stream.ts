import type { Call, CallOnce, CallOnceOptions } from './call-once.js'
import { deadLetterTopic, type ErrorHandling, isDeadLetter } from './dead-letter.js'
import type { CallDescription, JoinStep, PipelineDescription, StepDescription } from './description.js'
import type { Pipeline, TopologyDescription } from './pipeline.js'
import type { RecordInfo } from './record-info.js'
import type { History, Table } from './table.js'
import type { ReadableTopic, WritableTopic } from './topic.js'
import type { InnerWait, LeftWait } from './wait.js'

/** Options of a join. `W` is what its wait looks like. */
export interface JoinOptions<W> {
  /**
   * Names the join in metrics and in the committed state.
   * @defaultValue the table's topic
   */
  readonly name?: string
  /** Keep events whose row is missing. Without it they are dropped (inner) or joined with `undefined` (left). */
  readonly wait?: W
}

/**
 * What can be joined with a table, or written to a topic. User functions are pure and synchronous: they may run again for
 * the same record. `N` is the key as they see it: `null` is possible until an inner join has dropped such records.
 */
export interface Joinable<out K, out V, out N = K> {
  /** Joins each event with the row of its key. Without a row: dropped with reason `no-row`, or kept as `options.wait` says. */
  join<T, H extends History, R extends {}>(
    table: Table<K, T, H>,
    joiner: (value: V, row: T, record: RecordInfo<K>) => R,
    options?: JoinOptions<InnerWait<V, T>>,
  ): Joined<K, R>
  /** Joins each event with the row of its key, or with `undefined` where there is none (after waiting, if `options.wait` says so). */
  leftJoin<T, H extends History, R extends {}>(
    table: Table<K, T, H>,
    joiner: (value: V, row: T | undefined, record: RecordInfo<N>) => R,
    options?: JoinOptions<LeftWait<V, T>>,
  ): Joined<K, R, N>
  /** Writes the results: key, timestamp and headers are the event's, and `joinery-origin` tells which event it was. */
  to(topic: WritableTopic<K, V>): Pipeline
}

/** A chain behind at least one join. */
export interface Joined<out K, out V, out N = K> extends Joinable<K, V, N> {
  /** Tells a joined chain from a stream. */
  readonly kind: 'joined'
  /** Keeps the values that pass; the others are dropped with reason `filtered`. */
  filter<S extends V>(test: (value: V, record: RecordInfo<N>) => value is S): Joined<K, S, N>
  /** Keeps the values that pass; the others are dropped with reason `filtered`. */
  filter(test: (value: V, record: RecordInfo<N>) => boolean): Joined<K, V, N>
  /** Replaces the value. */
  mapValues<R extends {}>(map: (value: V, record: RecordInfo<N>) => R): Joined<K, R, N>
}

/** A stream of events, before any join. */
export interface Stream<out K, out V> extends Joinable<K, V, K | null> {
  /** Tells a stream from a joined chain. */
  readonly kind: 'stream'
  /** Keeps the values that pass; the others are dropped with reason `filtered`. */
  filter<S extends V>(test: (value: V, record: RecordInfo<K | null>) => value is S): Stream<K, S>
  /** Keeps the values that pass; the others are dropped with reason `filtered`. */
  filter(test: (value: V, record: RecordInfo<K | null>) => boolean): Stream<K, V>
  /** Replaces the value. */
  mapValues<R extends {}>(map: (value: V, record: RecordInfo<K | null>) => R): Stream<K, R>
  /**
   * Makes a call for each event: at most one request for each call id within `retention`, over crashes too, and exactly
   * one unless a fault falls inside the call; what is caught there is told as in doubt, neither lost nor repeated.
   *
   * @param call makes one request; what it resolves with is the result. Any error but `notSent` leaves the call in doubt
   *
   * @example
   * ```ts
   * const activated = topic('activated', { key: text(), value: json<{ status: number }>() })
   * const activate = stream(notifications)
   *   .callOnce(
   *     async ({ externalId }, call) => {
   *       const { status } = await call.fetch(`https://service.example/products/${externalId}`, { method: 'POST' })
   *       return { status }
   *     },
   *     { inDoubt: { deadLetter: 'service-b.in-doubt' }, timeout: '10s' },
   *   )
   *   .to(activated)
   * ```
   */
  callOnce<R>(call: (value: V, call: Call<K | null>) => Promise<R>, options: CallOnceOptions<V>): CallOnce<K, R>
}

/** Options of {@link stream}. */
export interface StreamOptions extends ErrorHandling {
  /**
   * The pipeline's name in metrics and in the committed state.
   * @defaultValue the stream's topic
   */
  readonly name?: string
}

/**
 * Begins a pipeline: each record of the topic is an event with exactly one outcome.
 *
 * @example
 * ```ts
 * const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
 * const information = table(topic('product-information', { key: text(), value: json<{ externalId: string }>() }))
 * const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })
 *
 * const notify = stream(activations)
 *   .join(information, ({ productId }, { externalId }) => ({ productId, externalId }), {
 *     wait: { atMost: '30m', otherwise: { deadLetter: 'product-activation.dead' } },
 *   })
 *   .to(notifications)
 * ```
 */
export function stream<K, V>(topic: ReadableTopic<K, V>, options: StreamOptions = {}): Stream<K, V> {
  return new StreamBuilder('stream', topic, options, []) as unknown as Stream<K, V>
}

/** The description behind a pipeline. */
export function describePipeline(pipeline: Pipeline): PipelineDescription | CallDescription {
  if (pipeline instanceof BuiltPipeline || pipeline instanceof BuiltCallPipeline) return pipeline.description
  throw new TypeError('not a pipeline: end the chain with .to(topic), and use one copy of @joinery/core')
}

/** The builder holds values of unknown type; the interfaces above give each step its types. */
class StreamBuilder {
  readonly kind: 'stream' | 'joined'
  readonly #topic: ReadableTopic<unknown, unknown>
  readonly #options: StreamOptions
  readonly #steps: readonly StepDescription[]

  constructor(
    kind: 'stream' | 'joined',
    topic: ReadableTopic<unknown, unknown>,
    options: StreamOptions,
    steps: readonly StepDescription[],
  ) {
    this.kind = kind
    this.#topic = topic
    this.#options = options
    this.#steps = steps
  }

  filter(test: (value: unknown, record: RecordInfo<unknown>) => boolean): StreamBuilder {
    return this.#with({ step: 'filter', test })
  }

  mapValues(map: (value: unknown, record: RecordInfo<unknown>) => unknown): StreamBuilder {
    return this.#with({ step: 'mapValues', map })
  }

  join(
    table: JoinStep['table'],
    joiner: JoinStep['joiner'],
    options: JoinOptions<JoinStep['wait']> = {},
  ): StreamBuilder {
    return this.#with({ step: 'join', kind: 'inner', table, joiner, name: options.name, wait: options.wait })
  }

  leftJoin(
    table: JoinStep['table'],
    joiner: JoinStep['joiner'],
    options: JoinOptions<JoinStep['wait']> = {},
  ): StreamBuilder {
    return this.#with({ step: 'join', kind: 'left', table, joiner, name: options.name, wait: options.wait })
  }

  to(sink: WritableTopic<never, never>): Pipeline {
    return new BuiltPipeline({
      name: this.#options.name ?? this.#topic.name,
      stream: this.#topic,
      options: this.#options,
      steps: this.#steps,
      sink,
    })
  }

  callOnce(call: CallDescription['call'], callOptions: CallDescription['callOptions'] = {}): BuiltCallPipeline {
    return new BuiltCallPipeline({
      name: this.#options.name ?? this.#topic.name,
      stream: this.#topic,
      options: this.#options,
      steps: this.#steps.filter((step) => step.step !== 'join'), // there is none: only streams have callOnce
      call,
      callOptions,
      sink: undefined,
    })
  }

  #with(step: StepDescription): StreamBuilder {
    const kind = step.step === 'join' ? 'joined' : this.kind
    return new StreamBuilder(kind, this.#topic, this.#options, [...this.#steps, step])
  }
}

class BuiltPipeline implements Pipeline {
  readonly kind = 'pipeline'
  readonly description: PipelineDescription

  constructor(description: PipelineDescription) {
    this.description = description
  }

  get name(): string {
    return this.description.name
  }

  describe(): TopologyDescription {
    const { stream, options, steps, sink } = this.description
    const joins = steps.filter((step) => step.step === 'join')
    const tables = [...new Set(joins.map(({ table }) => table.topic.name))]
    const targets = [
      options.onError,
      ...joins.flatMap(({ table, wait }) => [table.options.onError, wait?.otherwise, wait?.whenFull]),
    ]
    const deadLetters = targets.filter(isDeadLetter).map(deadLetterTopic)
    return { inputs: [stream.name, ...tables], outputs: [...new Set([sink.name, ...deadLetters])], stores: tables }
  }
}

class BuiltCallPipeline implements Pipeline {
  readonly kind = 'pipeline'
  readonly description: CallDescription

  constructor(description: CallDescription) {
    this.description = description
  }

  get name(): string {
    return this.description.name
  }

  to(sink: WritableTopic<never, never>): Pipeline {
    return new BuiltCallPipeline({ ...this.description, sink })
  }

  describe(): TopologyDescription {
    const { stream, options, callOptions, sink } = this.description
    const deadLetters = [options.onError, callOptions.inDoubt].filter(isDeadLetter).map(deadLetterTopic)
    const outputs = [...new Set([...(sink === undefined ? [] : [sink.name]), ...deadLetters])]
    return { inputs: [stream.name], outputs, stores: [] }
  }
}
