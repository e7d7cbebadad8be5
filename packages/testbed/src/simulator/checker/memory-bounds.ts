import type { Instance, SimContext } from '../machines/instance.js'
import type { Violation } from './violation.js'

const INTERVAL_MS = 500
/** Decoded fetches per input: one being processed, one ahead. */
const BATCHES = 2
const BATCH = 200
const COMMIT_BYTES = 4 * 2 ** 20

/** I12: checks the gauges of all instances periodically. */
export class MemoryMonitor {
  readonly #context: SimContext
  readonly #instances: readonly Instance[]
  readonly violations: Violation[] = []

  constructor(context: SimContext, instances: readonly Instance[]) {
    this.#context = context
    this.#instances = instances
  }

  start(): void {
    this.#context.eventLoop.schedule(INTERVAL_MS, 'gauges are checked', () => {
      for (const instance of this.#instances) this.#check(instance)
      this.start()
    })
  }

  #check({ name, app, process }: Instance): void {
    if (app === undefined || process?.isPaused !== false) return
    const { tables, pipelines, cachedRows, calls } = this.#context.scenario
    const { tasks = 0, ...gauges } = app.metrics().gauges
    const bounds: Readonly<Record<string, number>> = {
      bufferedRecords: tasks * (tables.length + pipelines.length + (calls ? 2 : 0)) * BATCHES * BATCH,
      callsClaimed: tasks * (calls?.concurrency ?? 0),
      cachedRows: tasks * tables.length * cachedRows,
      uncommittedBytes: tasks * 2 * COMMIT_BYTES,
    }
    for (const [gauge, bound] of Object.entries(bounds)) {
      const value = gauges[gauge] ?? 0
      if (value > bound)
        this.violations.push({ law: 'I12 bounded memory', text: `${gauge} of ${name} is ${value}, more than ${bound}` })
    }
  }
}
