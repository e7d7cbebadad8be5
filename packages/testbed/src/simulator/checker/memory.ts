import type { Instance, Surroundings } from '../machines/instance.js'
import type { Violation } from './violation.js'

const EVERY_MS = 500
/** Fetches of one input held decoded: one being processed, one ahead. */
const BATCHES = 2
const BATCH = 200
const COMMIT_BYTES = 4 * 2 ** 20

/** I12: looks at the gauges of all instances now and then. */
export class MemoryWatch {
  readonly #around: Surroundings
  readonly #instances: readonly Instance[]
  readonly violations: Violation[] = []
  /** The highest values that were seen. */
  readonly peaks: Record<string, number> = {}

  constructor(around: Surroundings, instances: readonly Instance[]) {
    this.#around = around
    this.#instances = instances
  }

  start(): void {
    this.#around.world.after(EVERY_MS, 'somebody looks at the gauges', () => {
      for (const instance of this.#instances) this.#look(instance)
      this.start()
    })
  }

  #look({ name, app, process }: Instance): void {
    if (app === undefined || process?.isPaused !== false) return
    const { tables, pipelines, cachedRows, calls } = this.#around.scenario
    const { tasks = 0, ...gauges } = app.metrics().gauges
    const bounds: Readonly<Record<string, number>> = {
      bufferedRecords: tasks * (tables.length + pipelines.length + (calls ? 2 : 0)) * BATCHES * BATCH,
      callsClaimed: tasks * (calls?.concurrency ?? 0),
      cachedRows: tasks * tables.length * cachedRows,
      uncommittedBytes: tasks * 2 * COMMIT_BYTES,
    }
    for (const [gauge, bound] of Object.entries(bounds)) {
      const value = gauges[gauge] ?? 0
      this.peaks[gauge] = Math.max(this.peaks[gauge] ?? 0, value)
      if (value > bound)
        this.violations.push({ law: 'I12 bounded memory', text: `${gauge} of ${name} is ${value}, more than ${bound}` })
    }
  }
}
