import type { LogRecord, NewRecord } from '../../src/index.js'
import { recordOrigin } from '../../src/index.js'
import type { ChangelogRecord } from '../../src/log.js'
import { type Operator, openOperator, type Step } from '../../src/operator.js'
import type { PipelineMetrics } from '../../src/outcome/pipeline-metrics.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import type { StateStores } from '../../src/store.js'
import type { ManualClock } from '../../src/testing.js'

/** Where the process ends; `undefined` lets it go on. */
export type CrashPoint = 'processed' | 'produced half' | 'produced' | 'committed'

/** Where state is kept: in stores that outlive the process, or in a changelog, with stores that do not. */
export interface Keeping {
  readonly stores: () => StateStores
  readonly inChangelog: boolean
}

/**
 * A consumer as somebody might write it around an operator: inputs in arrays, outputs produced before the step is committed,
 * offsets committed last. It can end between any two of these, and begins again from what is kept.
 */
export class TestConsumer {
  readonly outputs: NewRecord[] = []
  readonly #pipeline: Pipeline
  readonly #clock: ManualClock
  readonly #keeping: Keeping
  readonly #crash: () => CrashPoint | undefined
  readonly #stores: StateStores
  readonly #inputs: Record<string, LogRecord[]> = {}
  readonly #offsets: Record<string, number> = {}
  readonly #changelog: ChangelogRecord[] = []
  #operator: Operator | undefined
  #opened = 0

  constructor(pipeline: Pipeline, clock: ManualClock, keeping: Keeping, crash: () => CrashPoint | undefined) {
    this.#pipeline = pipeline
    this.#clock = clock
    this.#keeping = keeping
    this.#crash = crash
    this.#stores = keeping.stores()
  }

  /** A new record of an input; then everything is read that there is. */
  async send(topic: string, key: string | null, value: string | null): Promise<void> {
    const records = this.#inputs[topic] ?? []
    this.#inputs[topic] = records
    records.push({
      topic,
      partition: 0,
      offset: records.length,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: this.#clock.now(),
      headers: [],
    })
    await this.#settle()
  }

  /** Time passes, and what is due on the way is looked at in its time. */
  async advance(ms: number): Promise<void> {
    const until = this.#clock.now() + ms
    for (;;) {
      const due = (await this.#open()).nextDeadline ?? Number.POSITIVE_INFINITY
      await this.#clock.advance(Math.max(0, Math.min(due, until) - this.#clock.now()))
      await this.#settle()
      if (due > until) return
    }
  }

  async restart(): Promise<void> {
    await this.#operator?.[Symbol.asyncDispose]()
    this.#operator = undefined
    await this.#settle()
  }

  /** Each output once: what comes again has the origin of the first. */
  get outputsOnce(): NewRecord[] {
    const seen = new Set<string>()
    return this.outputs.filter(({ topic, headers }) => {
      const origin = `${topic} ${recordOrigin(headers)?.offset}`
      return !seen.has(origin) && seen.add(origin)
    })
  }

  async metrics(): Promise<PipelineMetrics> {
    return (await this.#open()).metrics()
  }

  /** Until nothing is left to do. A stream whose pipeline has no room is tried again after everything else. */
  async #settle(): Promise<void> {
    for (let isDone = false; !isDone; ) {
      isDone = true
      const operator = await this.#open()
      const [events, ...tables] = this.#pipeline.describe().inputs as [string, ...string[]]
      for (const topic of [...tables, events]) {
        const records = (this.#inputs[topic] ?? []).slice(this.#offsets[topic] ?? 0)
        if (records.length > 0 && (await this.#take(topic, () => operator.process(records)))) isDone = false
        if (this.#operator !== operator) break
      }
      if (this.#operator !== operator) isDone = false
      else if ((operator.nextDeadline ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) {
        await this.#take(undefined, () => operator.expire(({ topic }) => this.#inputs[topic]?.length ?? 0))
        isDone = false
      }
    }
  }

  /** One step to its end, or to where the process ends. Answers whether it got anywhere. */
  async #take(topic: string | undefined, next: () => Promise<Step>): Promise<boolean> {
    const crash = this.#crash()
    const step = await next()
    if (crash === 'processed') return this.#end()
    const { outputs, changelog } = step
    this.outputs.push(...outputs.slice(0, crash === 'produced half' ? outputs.length >> 1 : outputs.length))
    if (crash === 'produced half') return this.#end()
    if (crash === 'produced') {
      this.#changelog.push(...changelog.slice(0, changelog.length >> 1))
      return this.#end()
    }
    this.#changelog.push(...changelog)
    for (let isCommitted = false; !isCommitted; ) {
      try {
        await step.commit()
        isCommitted = true
      } catch {
        if (this.#opened % 2 === 0) return this.#end() // the store has kept a part of it
      }
    }
    if (crash === 'committed') return this.#end()
    if (topic !== undefined) this.#offsets[topic] = (this.#offsets[topic] ?? 0) + step.consumed
    return step.consumed > 0 || outputs.length > 0
  }

  /** Nothing is closed, nothing is told. */
  #end(): boolean {
    this.#operator = undefined
    return true
  }

  async #open(): Promise<Operator> {
    if (this.#operator !== undefined) return this.#operator
    const { inChangelog, stores } = this.#keeping
    this.#operator = await openOperator(this.#pipeline, {
      application: 'test',
      partition: 0,
      stores: inChangelog ? stores() : this.#stores,
      clock: this.#clock,
      token: ++this.#opened,
    })
    if (inChangelog) await this.#operator.restore(this.#changelog)
    return this.#operator
  }
}
