import { failpoint } from '@joinery/failpoint'
import { JoineryError } from '../errors.js'
import type { LogSource } from '../log/contract.js'
import type { PartitionGroup } from './partition-group.js'
import type { TaskPipeline } from './task-pipeline.js'
import type { TaskState } from './task-state.js'
import type { EndProof, TaskTable } from './task-table.js'

/** Waiters looked at in one go. */
const CHUNK = 256
const RETRY_MS = 1_000

/**
 * Knows when tables have been read to an end that was requested late enough: then streams may start, and events may
 * expire. An event never expires beside a row that was committed before its deadline (law 9).
 */
export class EndProofs {
  readonly #state: TaskState
  readonly #source: LogSource
  readonly #partition: number
  readonly #processor: PartitionGroup
  readonly #now: () => number
  readonly #monotonic: () => number
  readonly #wake: () => void

  constructor(
    state: TaskState,
    source: LogSource,
    partition: number,
    processor: PartitionGroup,
    times: { readonly now: () => number; readonly monotonic: () => number },
    wake: () => void,
  ) {
    this.#state = state
    this.#source = source
    this.#partition = partition
    this.#processor = processor
    this.#now = times.now
    this.#monotonic = times.monotonic
    this.#wake = wake
  }

  /** Asks for ends that are needed and uses those that were reached. Answers whether it processed anything. */
  async step(): Promise<boolean> {
    let worked = false
    for (const table of this.#state.tables) {
      this.#checkFresh(table)
      if (table.proof === undefined && this.#isNeeded(table)) this.#request(table)
      const end = table.proof?.end
      if (end !== undefined && table.input.next >= end) {
        await this.#reached(table, table.proof as EndProof)
        worked = true
      }
    }
    for (const pipeline of this.#state.pipelines) {
      if (!pipeline.isOpen && pipeline.tables.every(({ isLoaded }) => isLoaded)) {
        await this.#open(pipeline)
        worked = true
      }
    }
    return worked
  }

  /** Monotonic time of the next thing to do. */
  get until(): number | undefined {
    let until: number | undefined
    const now = this.#now()
    for (const table of this.#state.tables) {
      if (table.proof !== undefined) continue
      const deadline = table.isLoaded ? (this.#deadline(table) ?? Number.POSITIVE_INFINITY) : now
      const refresh = table.inChangelog ? Number.POSITIVE_INFINITY : table.store.refreshAt - this.#state.logNow()
      const wait = Math.min(deadline - now, refresh)
      if (wait === Number.POSITIVE_INFINITY) continue
      const at = Math.max(table.retryAt, this.#monotonic() + wait)
      if (until === undefined || at < until) until = at
    }
    return until
  }

  #isNeeded(table: TaskTable): boolean {
    if (this.#monotonic() < table.retryAt) return false
    if (!table.inChangelog && table.store.refreshAt <= this.#state.logNow()) return true
    return !table.isLoaded || (this.#deadline(table) ?? Number.POSITIVE_INFINITY) <= this.#now()
  }

  #deadline(table: TaskTable): number | undefined {
    let next: number | undefined
    for (const { operator, tables, isOpen } of this.#state.pipelines) {
      const deadline = isOpen && tables.includes(table) ? operator.nextDeadline(tables.indexOf(table)) : undefined
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline
    }
    return next
  }

  #request(table: TaskTable): void {
    const proof: EndProof = { time: this.#now(), logTime: this.#state.logNow(), end: undefined }
    table.proof = proof
    // to start, what can be read now is enough; to give up on a row, everything that anybody was promised counts
    const kind = table.isLoaded ? 'high-watermark' : 'last-stable-offset'
    this.#source.endOffset({ topic: table.plan.topic, partition: this.#partition }, kind).then(
      (end) => {
        proof.end = end
        table.problem = undefined
        this.#wake()
      },
      (error: unknown) => {
        table.problem = `the end of ${table.plan.topic}[${this.#partition}] cannot be asked for: ${String(error)}`
        table.retryAt = this.#monotonic() + RETRY_MS
        table.proof = undefined
        this.#wake()
      },
    )
  }

  /** Cleaned tombstones leave ghost rows in a table that was not read for long: it is built anew before it is asked. */
  #checkFresh({ plan: { topic }, store, inChangelog }: TaskTable): void {
    if (inChangelog || store.isFresh(this.#state.logNow())) return
    throw new JoineryError(
      'STORE_BEHIND',
      `table ${topic}[${this.#partition}] was not read to its end for half its topic's delete.retention.ms: it is built anew`,
      { topic, partition: this.#partition, retriable: true },
    )
  }

  async #reached(table: TaskTable, { time, logTime }: EndProof): Promise<void> {
    table.proof = undefined
    if (!table.inChangelog) {
      table.store.reached(logTime)
      if (table.store.isSaveDue) this.#processor.work.touch(this.#monotonic())
    }
    if (!table.isLoaded) {
      table.isLoaded = true
      table.loadedIn = this.#processor.newest
      table.isKnown = true
      return
    }
    for (const pipeline of this.#state.pipelines) {
      const index = pipeline.tables.indexOf(table)
      if (index < 0 || !pipeline.isOpen) continue
      for (
        let due = pipeline.operator.proveEnd(index, time, CHUNK);
        due.length > 0;
        due = pipeline.operator.proveEnd(index, time, CHUNK)
      ) {
        await this.#processor.evaluate(pipeline, due)
        failpoint('expiry.evaluated')
      }
    }
  }

  /** The gate: everything that waited is looked at once with the rows of today, then the stream comes in. */
  async #open(pipeline: TaskPipeline): Promise<void> {
    const keys = pipeline.operator.waitingKeys()
    for (let i = 0; i < keys.length; i += CHUNK) await this.#processor.evaluate(pipeline, keys.slice(i, i + CHUNK))
    failpoint('gate.evaluated')
    this.#processor.open(pipeline)
    failpoint('gate.opened')
  }
}
