import { appendFileSync } from 'node:fs'
import type { MeasuredProgram } from '../measured-program.js'
import type { ActivationRunOptions } from './activation-run.js'
import { ActivationWorkload } from './activation-workload.js'
import { LoadClient } from './load-client.js'
import { measureRate, type RateOptions } from './measure-rate.js'
import { measureRestart } from './measure-restart.js'
import { type MeasuredBroker, measuredBroker } from './measured-broker.js'
import type { MeasuredRun } from './measured-run.js'
import { runsTable } from './runs-table.js'

/** What is the same in all runs. */
export interface BenchmarkOptions {
  readonly rows: number
  readonly resolutionMs: number
  readonly core: string | undefined
  /** For how long each program runs before it is measured; 0: not at all. */
  readonly brokerWarmUpSeconds: number
  /** A file that the JSON lines are appended to. */
  readonly results: string | undefined
}

/** What one run measures. */
export type Measure =
  | ({ readonly type: 'rate' } & RateOptions)
  | ({ readonly type: 'idle' } & Omit<RateOptions, 'rate'>)
  | { readonly type: 'restart' }

/** Runs programs on one broker, prints a JSON line for each run, and finally a table. */
export class Benchmark implements AsyncDisposable {
  readonly #options: BenchmarkOptions
  readonly #broker: MeasuredBroker
  readonly #client: LoadClient
  readonly #workload: ActivationWorkload
  readonly #prefix: string = `bench-rows-${Date.now()}`
  readonly #information = new Map<number, Promise<string>>()
  readonly #runs: MeasuredRun[] = []
  #failures = 0

  static async open(options: BenchmarkOptions): Promise<Benchmark> {
    // without this, programs outlive it
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
    const broker = await measuredBroker(process.env)
    try {
      return new Benchmark(options, broker, await LoadClient.connect(broker.brokers))
    } catch (error) {
      await broker[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(options: BenchmarkOptions, broker: MeasuredBroker, client: LoadClient) {
    this.#options = options
    this.#broker = broker
    this.#client = client
    this.#workload = new ActivationWorkload(options.rows)
  }

  /** Runs programs before they are measured, so that the broker's code is compiled. Their outputs are checked, too. */
  async warmUp(programs: readonly MeasuredProgram[], partitions: number, rate: number): Promise<void> {
    const { brokerWarmUpSeconds: seconds } = this.#options
    if (seconds === 0) return
    for (const program of programs) {
      console.error(`warms up the broker with ${program.name}`)
      await this.#completed(program, partitions, { type: 'rate', rate, warmUpSeconds: 0, seconds })
    }
  }

  /** Runs a program once. A program that exits, or does not start, is a failure, and the other runs continue. */
  async run(program: MeasuredProgram, partitions: number, measure: Measure): Promise<void> {
    const run = await this.#completed(program, partitions, measure)
    if (run === undefined) return
    this.#runs.push(run)
    this.#print(run)
  }

  /**
   * Prints the table.
   *
   * @returns whether every run was completed, and every output was as expected
   */
  report(): boolean {
    console.log(`\n${runsTable(this.#runs)}\n`)
    if (this.#failures > 0) console.log(`${this.#failures} runs failed`)
    return this.#failures === 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.deleteTopics(this.#prefix)
    await this.#client[Symbol.asyncDispose]()
    await this.#broker[Symbol.asyncDispose]()
  }

  async #completed(program: MeasuredProgram, partitions: number, measure: Measure): Promise<MeasuredRun | undefined> {
    const what = { benchmark: measure.type, program: program.name, partitions, rows: this.#options.rows }
    try {
      const at = new Date().toISOString()
      const figures = await measured(await this.#runOptions(program, partitions), measure)
      if (figures.lost + figures.doubled + figures.wrong > 0) this.#failures++
      return { at, ...what, rate: 0, ...figures }
    } catch (error) {
      this.#failures++
      this.#print({ ...what, error: String(error) })
      return undefined
    }
  }

  async #runOptions(program: MeasuredProgram, partitions: number): Promise<ActivationRunOptions> {
    const { resolutionMs, core } = this.#options
    const information = await this.#loaded(partitions)
    const parts = { broker: this.#broker, client: this.#client, workload: this.#workload }
    return { ...parts, program, information, partitions, resolutionMs, core }
  }

  /** @returns the topic of the table with this number of partitions, which is loaded once */
  #loaded(partitions: number): Promise<string> {
    const loading = this.#information.get(partitions) ?? this.#load(partitions)
    this.#information.set(partitions, loading)
    return loading
  }

  async #load(partitions: number): Promise<string> {
    const topic = `${this.#prefix}-${partitions}`
    await this.#client.createTopics(partitions, { [topic]: 'compact' })
    await this.#client.produce(topic, this.#workload.information())
    return topic
  }

  #print(line: Readonly<Record<string, unknown>> | MeasuredRun): void {
    const text = JSON.stringify(line, (_, value) =>
      typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value,
    )
    console.log(text)
    if (this.#options.results !== undefined) appendFileSync(this.#options.results, `${text}\n`)
  }
}

function measured(options: ActivationRunOptions, measure: Measure) {
  if (measure.type === 'restart') return measureRestart(options)
  return measureRate(options, measure.type === 'rate' ? measure : { ...measure, rate: 0 })
}
