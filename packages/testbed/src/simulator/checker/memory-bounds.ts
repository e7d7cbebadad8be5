import type { Metrics } from '@joinery/core'
import type { RunningApp } from '../../../../core/src/app/running-app.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { Violation } from './violation.js'

const LAW = 'I12 bounded memory'
const INTERVAL_MS = 500
/** Decoded fetches per input: one being processed, one ahead. */
const BATCHES = 2
const BATCH = 200
const COMMIT_BYTES = 4 * 2 ** 20
/** A store that is applying a commit may hold the rows that it puts and those that it deletes. */
const COMMITTING_BYTES = 64

/** I12: checks the gauges of all instances periodically. */
export class MemoryMonitor {
  readonly #context: SimContext
  readonly #instances: readonly Instance[]
  /** What the tables of each process had at the last check, and whether it was restoring tasks. */
  readonly #before = new Map<string, { readonly bytes: number; readonly isRestoring: boolean }>()
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
    const {
      gauges: { tasks = 0, ...gauges },
      tables: sizes,
    } = app.metrics()
    const isRestoring = (app as RunningApp).tasks.some(({ phase }) => phase !== 'running' && phase !== 'loading')
    this.#checkSizes(process.name, gauges, sizes, isRestoring)
    const bounds: Readonly<Record<string, number>> = {
      bufferedRecords: tasks * (tables.length + pipelines.length + (calls ? 2 : 0)) * BATCHES * BATCH,
      callsClaimed: tasks * (calls?.concurrency ?? 0),
      cachedRows: tasks * tables.length * cachedRows,
      uncommittedBytes: tasks * 2 * COMMIT_BYTES,
    }
    for (const [gauge, bound] of Object.entries(bounds)) {
      const value = gauges[gauge] ?? 0
      if (value > bound) this.violations.push({ law: LAW, text: `${gauge} of ${name} is ${value}, more than ${bound}` })
    }
  }

  /**
   * One process has all tasks. What it restores was within the bound when it was processed, but other tasks may take room before
   * that: while tables exceed the bound, they do not grow, except by a restore.
   */
  #checkSizes(
    process: string,
    { storedBytes = 0 }: Metrics['gauges'],
    tables: Metrics['tables'],
    isRestoring: boolean,
  ): void {
    const { isBounded, scenario } = this.#context
    const { bound, processes } = scenario
    if (!isBounded || bound === undefined || processes > 1) return
    const all = [['all tables', storedBytes]] as const
    const each = Object.entries(tables).map(([table, size]) => [table, size.storedBytes] as const)
    for (const [what, bytes] of bound.option === 'maxBytes' ? each : all) {
      const key = `${process} ${what}`
      const before = this.#before.get(key)
      this.#before.set(key, { bytes, isRestoring })
      const mayGrow = before === undefined || before.isRestoring
      if (bytes > bound.bytes + COMMITTING_BYTES && !mayGrow && bytes > before.bytes)
        this.violations.push({ law: LAW, text: `${process} has ${bytes} bytes of ${what}, more than ${bound.bytes}` })
    }
  }
}
