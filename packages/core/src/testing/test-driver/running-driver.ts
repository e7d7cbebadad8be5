import type { Health, TableView } from '../../app/app.js'
import type { AppEvent } from '../../app/app-event.js'
import type { InDoubtCalls } from '../../app/calls/in-doubt-call.js'
import { RunningApp } from '../../app/running-app.js'
import { type ConsumerRecord, decodeRecord, encodeRecord, type ProducerRecord } from '../../app/typed-records.js'
import { reportsTopic } from '../../changelog/reports-topic.js'
import { type Duration, durationMs } from '../../duration.js'
import { JoineryError } from '../../errors.js'
import type { Log } from '../../log/contract.js'
import { memoryLog } from '../../log/memory/memory-log.js'
import { deadLetterInfo } from '../../outcome/dead-letter-info.js'
import type { PipelineMetrics } from '../../outcome/pipeline-metrics.js'
import type { CallOnce } from '../../pipeline/call-once.js'
import type { ApplicationPlan } from '../../pipeline/plan.js'
import type { Table } from '../../pipeline/table.js'
import type { ReadableTopic, WritableTopic } from '../../pipeline/topic.js'
import type { LogRecord } from '../../record.js'
import type { StateStores } from '../../store/contract.js'
import { memoryStores } from '../../store/memory/memory-stores.js'
import type { CacheOptions } from '../../store/row-cache.js'
import { ManualClock } from '../manual-clock.js'
import { isSettled } from './is-settled.js'
import { OutputReader } from './output-reader.js'
import { withReadOnlyValues } from './read-only-values.js'
import type { DeadLetterRecord, TestDriver } from './test-driver.js'
import type { TestDriverOptions } from './test-driver-options.js'

/** The application name of every test driver. */
export const APPLICATION = 'test'
/** How many turns of the event loop running calls get to complete. */
const CALL_TURNS = 20

/** The driver of one test: the application, its log and stores, and the clock. */
export class RunningDriver implements TestDriver {
  readonly clock: ManualClock
  readonly #plan: ApplicationPlan
  readonly #log: Log<never>
  readonly #stores: StateStores
  readonly #cache: CacheOptions | undefined
  readonly #onEvent: ((event: AppEvent) => void) | undefined
  /** The topics that the application consumes. */
  readonly #topics: readonly string[]
  readonly #outputs: ReadonlyMap<string, OutputReader>
  #app: RunningApp | undefined
  #failure: Error | undefined
  /** How long the application waits before its next retry; 0 if it does not wait. */
  #retryMs = 0

  constructor(plan: ApplicationPlan, options: Omit<TestDriverOptions<never>, 'guarantee'>) {
    const { now, partitions = 1, stores = memoryStores(), onEvent } = options
    this.#plan = withReadOnlyValues(plan, (error) => {
      this.#failure ??= error
    })
    if (now !== undefined && !Number.isFinite(now))
      throw new JoineryError('OPTION_INVALID', `now is ${now}: use milliseconds since the epoch`)
    this.clock = new ManualClock(now)
    const topics = Object.fromEntries(plan.tables.map(({ topic }) => [topic, { cleanup: 'compact' } as const]))
    this.#log = options.log?.(this.clock) ?? memoryLog({ partitions, topics, clock: this.clock })
    this.#stores = stores
    this.#cache = options.cache
    this.#onEvent = onEvent
    this.#topics = [...plan.inputs, ...(plan.calls.length === 0 ? [] : [reportsTopic(APPLICATION)])]
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
      this.#failure ??= error
    })
    this.#app = app
    await app.start()
    await this.#settle()
  }

  async produce<K, In>(topic: WritableTopic<K, In>, ...records: readonly ProducerRecord<K, In>[]): Promise<void> {
    if (!this.#plan.inputs.includes(topic.name)) throw unknownTopic(topic.name, 'reads', this.#plan.inputs)
    await this.#log.sink.append(records.map((record) => encodeRecord(topic, record, this.clock)))
    await this.#settle()
  }

  consume<K, V>(topic: ReadableTopic<K, V>): readonly ConsumerRecord<K, V>[] {
    return this.#recordsOf(topic.name).map((record) => decodeRecord(topic, record))
  }

  consumeDeadLetters<K, V>(topic: ReadableTopic<K, V>): readonly DeadLetterRecord<K, V>[] {
    return this.#recordsOf(topic.name).flatMap((record) => {
      const info = deadLetterInfo(record.headers)
      return info === undefined ? [] : [{ ...decodeRecord(topic, record), info }]
    })
  }

  #recordsOf(topic: string): readonly LogRecord[] {
    const outputs = this.#outputs.get(topic)
    if (outputs === undefined) throw unknownTopic(topic, 'writes to', this.#plan.outputs)
    return outputs.take()
  }

  async advance(by: Duration): Promise<void> {
    await this.#settle() // work that has begun completes at the current time
    await this.clock.advance(durationMs(by, 'advance'), () => this.#settle())
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
      throw new JoineryError('OPTION_INVALID', `pass the name of a pipeline: ${names.join(', ')}`, { problems: names })
    return found
  }

  inDoubtCalls<K, R>(pipeline: CallOnce<K, R>): InDoubtCalls<R> {
    return this.#running().inDoubtCalls(pipeline)
  }

  query<K, T>(table: Table<K, T>): TableView<K, T> {
    return this.#running().query(table)
  }

  health(): Health {
    return this.#running().health()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // a clean stop waits for running calls, which may wait for the clock
    await this.#stop(this.#hasRunningCalls() ? 'crash' : 'clean')
    await this.#log[Symbol.asyncDispose]()
  }

  async #stop(how: 'clean' | 'crash'): Promise<void> {
    if (this.#failure !== undefined || how === 'crash') await this.#running().crash().catch(ignoreRethrown)
    else await this.#running().close()
  }

  #running(): RunningApp {
    return this.#app as RunningApp
  }

  #hasRunningCalls(): boolean {
    return this.#running().tasks.some(({ runningCalls }) => runningCalls > 0)
  }

  /** Waits until nothing is left to do at the current time, then fetches the outputs. */
  async #settle(): Promise<void> {
    /** Turns in which only calls were running; a call may wait for the clock or for the test. */
    let turns = 0
    do {
      await this.clock.yieldToEventLoop()
      if (this.#failure !== undefined) throw this.#failure
      if (this.#retryMs > 0) {
        const ms = this.#retryMs
        this.#retryMs = 0
        await this.clock.advance(ms)
      }
      turns = this.#hasRunningCalls() ? turns + 1 : CALL_TURNS
    } while (!(await isSettled(this.#running(), this.#topics, this.#log.source)) || turns < CALL_TURNS)
    for (const outputs of this.#outputs.values()) await outputs.fetch()
  }
}

/** The failure was thrown by the call that caused it. */
const ignoreRethrown = (): void => {}

function unknownTopic(topic: string, verb: 'reads' | 'writes to', known: readonly string[]): JoineryError {
  return new JoineryError('OPTION_INVALID', `no pipeline ${verb} ${topic}; the topics are ${known.join(', ')}`, {
    topic,
  })
}
