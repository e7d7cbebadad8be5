import { poll, TopicReader } from '@joinery/testbed'
import type { Producer } from 'kafkajs'
import { BenchmarkedProcess } from '../benchmarked-process.js'
import type { MeasuredProgram } from '../measured-program.js'
import type { ActivationWorkload } from './activation-workload.js'
import { firstOfEachPartition } from './key-partition.js'
import { type LoadClient, toMessage } from './load-client.js'
import type { MeasuredBroker } from './measured-broker.js'
import { openLoopLoad } from './open-loop-load.js'
import { OutputCheck, type Violations } from './output-check.js'
import type { Schedule } from './schedule.js'

/** What a run needs. */
export interface ActivationRunOptions {
  readonly broker: MeasuredBroker
  readonly client: LoadClient
  readonly program: MeasuredProgram
  readonly workload: ActivationWorkload
  /** The topic of the table, which is loaded. */
  readonly information: string
  readonly partitions: number
  /** The load and the consumer send at most one request in this time. */
  readonly resolutionMs: number
  /** The core that the program runs on; default: any. */
  readonly core: string | undefined
}

/** A start of the program. */
export interface ProgramStart {
  /** The time until it reported that it is ready; `undefined` if it does not report this. */
  readonly readyMs: number | undefined
  /** The time until the output of the first event of every partition. */
  readonly allOutputsMs: number
  readonly cpuSeconds: number
}

/** A Fetch request for more partitions at a time takes so much of the broker's time that the figures would be the consumer's. */
const SAMPLED_PARTITIONS = 16
const START_LIMIT_MS = 180_000
/** Events without an output are lost if no output has been received for this long. */
const SILENCE_LIMIT_MS = 30_000

/** Runs a program between a load and a consumer that compares every output with the expected one. */
export class ActivationRun implements AsyncDisposable {
  readonly #options: ActivationRunOptions
  readonly #activations: string
  readonly #outputs: OutputCheck
  readonly #reader: TopicReader
  readonly #producer: Producer
  readonly #process: BenchmarkedProcess | undefined
  readonly application: string

  static async open(options: ActivationRunOptions): Promise<ActivationRun> {
    const { broker, client, partitions, program, workload, resolutionMs } = options
    const application = `bench-${program.name.replaceAll(/[^\w.-]+/g, '-')}-${Date.now()}`
    const [activations, notifications] = [`${application}-activations`, `${application}-notifications`]
    await client.createTopics(partitions, { [activations]: 'delete', [notifications]: 'delete' })
    const hasProgram = program.command !== undefined
    const outputs = new OutputCheck((event, product) =>
      hasProgram ? workload.notification(event, product) : workload.activation(event, product),
    )
    const reader = await TopicReader.open({
      broker: broker.brokers[0],
      topic: hasProgram ? notifications : activations,
      isolation: 'committed',
      intervalMs: resolutionMs,
      onRecord: ({ key, value, partition }, at) =>
        outputs.received({ key: String(key), value: String(value), partition, at }),
    })
    reader.follow()
    const producer = await client.producer()
    return new ActivationRun(options, { application, activations, notifications, outputs, reader, producer })
  }

  private constructor(
    options: ActivationRunOptions,
    parts: {
      readonly application: string
      readonly activations: string
      readonly notifications: string
      readonly outputs: OutputCheck
      readonly reader: TopicReader
      readonly producer: Producer
    },
  ) {
    const { broker, program, information, partitions, core } = options
    this.#options = options
    this.application = parts.application
    this.#activations = parts.activations
    this.#outputs = parts.outputs
    this.#reader = parts.reader
    this.#producer = parts.producer
    if (program.command === undefined) return
    this.#process = new BenchmarkedProcess(
      core === undefined ? program.command : `taskset -c ${core} ${program.command}`,
      {
        KAFKA_BROKERS: broker.brokers.join(),
        GROUP_ID: parts.application,
        INFORMATION_TOPIC: information,
        ACTIVATION_TOPIC: parts.activations,
        OUT_TOPIC: parts.notifications,
        PARTITIONS: String(partitions),
        STORE: process.env.STORE ?? 'memory',
        GUARANTEE: 'exactly_once',
        THREADS: '1',
      },
    )
  }

  get outputs(): OutputCheck {
    return this.#outputs
  }

  get process(): BenchmarkedProcess | undefined {
    return this.#process
  }

  /** Sends one event to each partition, starts the program, and waits for the outputs. */
  async start(): Promise<ProgramStart> {
    const { workload, partitions } = this.#options
    const products = firstOfEachPartition(partitions, workload.rows, (n) => workload.productId(n))
    const messages = products.map((product) => this.#nextActivation(product, performance.now()))
    await this.#producer.send({ topic: this.#activations, messages })
    const startedAt = performance.now()
    this.#process?.start()
    await this.#outputsOfAll('the first outputs', START_LIMIT_MS)
    return {
      readyMs: this.#process?.readyMs,
      allOutputsMs: this.#outputs.latestAt - startedAt,
      cpuSeconds: this.#process?.cpuSeconds() ?? 0,
    }
  }

  /** Whether the outputs of a partition are received when they become visible, also under load. */
  isSampled(partition: number): boolean {
    return partition % Math.ceil(this.#options.partitions / SAMPLED_PARTITIONS) === 0
  }

  /** From now on receives the outputs of sampled partitions only, and the others at the end. */
  async sample(): Promise<void> {
    await this.#reader.stop()
    this.#reader.follow((partition) => this.isSampled(partition))
  }

  /**
   * Sends events on a schedule.
   *
   * @param measuredFrom the index of the first event that is measured
   * @returns how late the latest of the measured events was sent, in milliseconds
   */
  load(schedule: Schedule, count: number, measuredFrom: number): Promise<number> {
    const { workload, resolutionMs } = this.#options
    return openLoopLoad(this.#producer, {
      topic: this.#activations,
      schedule,
      count,
      measuredFrom,
      resolutionMs,
      next: (dueAt) => this.#nextActivation(workload.productOf(this.#outputs.nextEvent), dueAt),
    })
  }

  /** Stops the program with SIGTERM. It can be started again. */
  async stop(): Promise<void> {
    await this.#process?.terminate()
  }

  /** Waits for the remaining outputs, stops the program, and reads the output to its end. */
  async end(): Promise<Violations> {
    await this.#reader.stop()
    this.#reader.follow()
    await this.#outputsOfAll('the remaining outputs', SILENCE_LIMIT_MS).catch(() => {})
    await this.stop()
    await this.#reader.stop()
    await this.#reader.readToEnd()
    return this.#outputs.violations
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process?.discard()
    await this.#reader[Symbol.asyncDispose]()
    await this.#producer.disconnect()
    await this.#options.client.deleteTopics(this.application)
  }

  #nextActivation(product: number, dueAt: number): ReturnType<typeof toMessage> {
    const event = this.#outputs.nextEvent
    this.#outputs.sent(product, dueAt)
    return toMessage(this.#options.workload.activation(event, product))
  }

  /** @param limitMs how long no output may be received */
  async #outputsOfAll(what: string, limitMs: number): Promise<void> {
    const outputs = this.#outputs
    const since = performance.now()
    const isStuck = () => performance.now() - Math.max(since, outputs.latestAt) > limitMs
    const hasExited = () => this.#process?.isRunning === false
    await poll(() => outputs.outstanding === 0 || hasExited() || isStuck(), Number.POSITIVE_INFINITY)
    if (hasExited()) throw new Error(`${this.#options.program.name} has exited`)
    if (outputs.outstanding > 0) throw new Error(`timed out waiting for ${what}`)
  }
}
