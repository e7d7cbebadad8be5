import type { AppEvent, Health, TableView } from '../app/app.js'
import type { InDoubtCalls } from '../app/in-doubt-call.js'
import { RunningApp } from '../app/running-app.js'
import { type ConsumerRecord, decodeRecord, encodeRecord, type ProducerRecord } from '../app/typed-records.js'
import { reportsTopic } from '../changelog/reports-topic.js'
import { type Duration, durationMs } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { Guarantee, Log } from '../log/contract.js'
import { memoryLog } from '../log/memory/memory-log.js'
import { type DeadLetterInfo, deadLetterInfo } from '../outcome/dead-letter-info.js'
import type { PipelineMetrics } from '../outcome/pipeline-metrics.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { type ApplicationPlan, planApplication } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import type { ReadableTopic, WritableTopic } from '../pipeline/topic.js'
import type { LogRecord } from '../record.js'
import type { StateStores } from '../store/contract.js'
import { memoryStores } from '../store/memory/memory-stores.js'
import type { CacheOptions } from '../store/row-cache.js'
import { ManualClock } from './manual-clock.js'
import { OutputReader } from './output-reader.js'

/** Options of {@link testDriver}. `G`: what its log offers. */
export interface TestDriverOptions<G extends Guarantee = Guarantee> {
  /**
   * The wall clock's time at the start, in milliseconds since the epoch.
   * @defaultValue the machine's
   */
  readonly now?: number
  /**
   * Partitions of every topic, and so the number of tasks.
   * @defaultValue `1`
   */
  readonly partitions?: number
  /**
   * Where rows and waiting events are kept.
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * As `run` is given it.
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /**
   * As `run` is given it.
   * @defaultValue `'exactly-once'`
   */
  readonly guarantee?: NoInfer<G>
  /**
   * Makes the log, for example one that fails.
   * @defaultValue a log in memory, with the tables' topics compacted
   */
  readonly log?: (clock: ManualClock) => Log<G>
  /** Told of everything that `run` tells. */
  readonly onEvent?: (event: AppEvent) => void
}

/** A dead letter, and why it is one. */
export interface DeadLetterRecord<K, V> extends ConsumerRecord<K, V> {
  /** What the headers say. */
  readonly info: DeadLetterInfo
}

/**
 * Pipelines under a clock that moves by hand. It is the real runtime on a log in memory: when a call resolves, everything
 * that it caused has been processed and committed.
 */
export interface TestDriver extends AsyncDisposable {
  /** The clock; {@link advance} moves it. */
  readonly clock: ManualClock
  /**
   * Appends messages to an input topic. Messages without a timestamp get the clock's time.
   *
   * @throws JoineryError what halted the application; or `OPTION_INVALID` for a topic that no pipeline reads
   */
  produce<K, In>(
    topic: WritableTopic<K, In>,
    ...messages: readonly ProducerRecord<NoInfer<K>, NoInfer<In>>[]
  ): Promise<void>
  /**
   * The outputs since the last call, in the order of each partition.
   *
   * @throws JoineryError `DECODE_FAILED`; `OPTION_INVALID` for a topic that no pipeline writes to
   */
  consume<K, V>(topic: ReadableTopic<K, V>): readonly ConsumerRecord<K, V>[]
  /** The dead letters since the last call. Read them with the stream's serdes: `consumeDeadLetters(events.named('events.dead'))`. */
  consumeDeadLetters<K, V>(topic: ReadableTopic<K, V>): readonly DeadLetterRecord<K, V>[]
  /** Moves time on; timers on the way fire at their time. */
  advance(by: Duration): Promise<void>
  /** Ends the application and starts it anew on the same log and stores. A crash commits nothing on its way out. */
  restart(how: 'clean' | 'crash'): Promise<void>
  /** What became of a pipeline's records; its name may be left out if there is only one. */
  metrics(pipeline?: string): PipelineMetrics
  /** The calls in doubt of a pipeline, and what is decided about them; the effect of a decision is there after {@link advance}. */
  inDoubtCalls<K, R>(of: CallOnce<K, R>): InDoubtCalls<R>
  /** Looks into a table. */
  query<K, T>(table: Table<K, T>): TableView<K, T>
  /** What the application is doing, as `App.health` says it. */
  health(): Health
}

const APPLICATION = 'test'
/** Turns of the event loop that calls are given to settle. */
const CALL_TURNS = 20

/**
 * Runs pipelines for a test, without a broker and without waiting.
 *
 * @throws JoineryError `PIPELINE_INVALID`, as `run` would
 *
 * @example
 * ```ts
 * await using driver = await testDriver(notify)
 * await driver.produce(productActivation, { key: 'p1', value: { productId: 'p1' } })
 * await driver.restart('crash')
 * await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
 * assert.deepEqual(driver.consume(notifications).map(({ value }) => value), [{ productId: 'p1', externalId: 'x1' }])
 * ```
 */
export async function testDriver<G extends Guarantee>(
  what: Pipeline | readonly Pipeline[],
  options: TestDriverOptions<G> = {},
): Promise<TestDriver> {
  const driver = new Driver(planApplication(APPLICATION, what, options.guarantee), options)
  await driver.start()
  return driver
}

class Driver implements TestDriver {
  readonly clock: ManualClock
  readonly #plan: ApplicationPlan
  readonly #log: Log<never>
  readonly #stores: StateStores
  readonly #cache: CacheOptions | undefined
  readonly #onEvent: ((event: AppEvent) => void) | undefined
  readonly #outputs: ReadonlyMap<string, OutputReader>
  #app: RunningApp | undefined
  #failure: Error | undefined
  /** How long the application wants to wait before it tries something again. */
  #retryMs = 0

  constructor(plan: ApplicationPlan, options: Omit<TestDriverOptions<never>, 'guarantee'>) {
    const { now, partitions = 1, stores = memoryStores(), onEvent } = options
    this.#plan = plan
    if (now !== undefined && !Number.isFinite(now))
      throw new JoineryError('OPTION_INVALID', `now is ${now}: use milliseconds since the epoch`)
    this.clock = new ManualClock(now)
    const topics = Object.fromEntries(plan.tables.map(({ topic }) => [topic, { cleanup: 'compact' } as const]))
    this.#log = options.log?.(this.clock) ?? memoryLog({ partitions, topics, clock: this.clock })
    this.#stores = stores
    this.#cache = options.cache
    this.#onEvent = onEvent
    this.#outputs = new Map(plan.outputs.map((topic) => [topic, new OutputReader(this.#log.source, topic)]))
  }

  async start(): Promise<void> {
    this.#failure = undefined
    const app = new RunningApp(this.#plan, {
      application: APPLICATION,
      log: this.#log,
      stores: this.#stores,
      ...(this.#cache !== undefined && { cache: this.#cache }),
      clock: this.clock,
      commitEvery: '0ms',
      onEvent: (event) => {
        if (event.type === 'retrying') this.#retryMs = Math.max(this.#retryMs, event.inMs)
        this.#onEvent?.(event)
      },
    })
    app.closed.catch((error: Error) => {
      this.#failure = error
    })
    this.#app = app
    await app.start()
    await this.#settle()
  }

  async produce<K, In>(topic: WritableTopic<K, In>, ...messages: readonly ProducerRecord<K, In>[]): Promise<void> {
    if (!this.#plan.inputs.includes(topic.name)) throw unknownTopic(topic.name, 'reads', this.#plan.inputs)
    await this.#log.sink.append(messages.map((message) => encodeRecord(topic, message, this.clock)))
    await this.#settle()
  }

  consume<K, V>(topic: ReadableTopic<K, V>): readonly ConsumerRecord<K, V>[] {
    return this.#take(topic.name).map((record) => decodeRecord(topic, record))
  }

  consumeDeadLetters<K, V>(topic: ReadableTopic<K, V>): readonly DeadLetterRecord<K, V>[] {
    return this.#take(topic.name).flatMap((record) => {
      const info = deadLetterInfo(record.headers)
      return info === undefined ? [] : [{ ...decodeRecord(topic, record), info }]
    })
  }

  #take(topic: string): readonly LogRecord[] {
    const outputs = this.#outputs.get(topic)
    if (outputs === undefined) throw unknownTopic(topic, 'writes to', this.#plan.outputs)
    return outputs.take()
  }

  async advance(by: Duration): Promise<void> {
    await this.#settle() // what is under way belongs to this time
    await this.clock.advance(durationMs(by), () => this.#settle())
  }

  async restart(how: 'clean' | 'crash'): Promise<void> {
    await this.#stop(how)
    await this.start()
  }

  metrics(pipeline?: string): PipelineMetrics {
    const { pipelines } = this.#running().metrics()
    const names = Object.keys(pipelines)
    const name = pipeline ?? (names.length === 1 ? names[0] : undefined)
    const found = name === undefined ? undefined : pipelines[name]
    if (found === undefined)
      throw new JoineryError('OPTION_INVALID', `name one of the pipelines: ${names.join(', ')}`, { problems: names })
    return found
  }

  inDoubtCalls<K, R>(of: CallOnce<K, R>): InDoubtCalls<R> {
    return this.#running().inDoubtCalls(of)
  }

  query<K, T>(table: Table<K, T>): TableView<K, T> {
    return this.#running().query(table)
  }

  health(): Health {
    return this.#running().health()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // who closes waits for calls, and for them the clock would have to move
    const hasCalls = this.#running().tasks.some(({ runningCalls }) => runningCalls > 0)
    await this.#stop(hasCalls ? 'crash' : 'clean')
    await this.#log[Symbol.asyncDispose]()
  }

  async #stop(how: 'clean' | 'crash'): Promise<void> {
    if (this.#failure !== undefined || how === 'crash') await this.#running().abandon().catch(ignoreKnown)
    else await this.#running().close()
  }

  #running(): RunningApp {
    return this.#app as RunningApp
  }

  /** Until nothing is left to do at this time; then fetches what was written. */
  async #settle(): Promise<void> {
    /** Turns in which only calls were running: they may wait for the clock, or for the test. */
    let turns = 0
    do {
      await this.clock.yieldToEventLoop()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#retryMs > 0) {
        const ms = this.#retryMs
        this.#retryMs = 0
        await this.clock.advance(ms)
      }
      turns = this.#running().tasks.some(({ runningCalls }) => runningCalls > 0) ? turns + 1 : CALL_TURNS
    } while (!(await this.#isSettled()) || turns < CALL_TURNS)
    for (const outputs of this.#outputs.values()) await outputs.fetch()
  }

  async #isSettled(): Promise<boolean> {
    const app = this.#running()
    if (app.health().state !== 'running') return false
    const ends = new Map<string, number>()
    for (const { partition } of app.tasks) {
      const reports = this.#plan.calls.length === 0 ? [] : [reportsTopic(APPLICATION)]
      for (const topic of [...this.#plan.inputs, ...reports])
        ends.set(`${topic}/${partition}`, await this.#log.source.endOffset({ topic, partition }, 'last-stable-offset'))
    }
    return app.tasks.every(({ isIdle, state, partition }) => {
      const { inputs = [], callState } = state ?? {}
      const isRead = inputs.every((input) => {
        const isHeldBack = input.isBlocked && input !== callState?.reports
        return isHeldBack || input.next >= (ends.get(`${input.topic}/${partition}`) ?? 0)
      })
      return isIdle && isRead
    })
  }
}

const ignoreKnown = (): void => {} // the failure was thrown where it happened

function unknownTopic(topic: string, does: string, known: readonly string[]): JoineryError {
  return new JoineryError('OPTION_INVALID', `no pipeline ${does} ${topic}, only ${known.join(', ')}`, { topic })
}
