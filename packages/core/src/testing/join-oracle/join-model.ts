import type { OracleJoin, OracleStep } from './oracle-history.js'
import type { OracleOutcome, OracleResult } from './oracle-result.js'

interface Event {
  readonly number: number
  readonly key: string | null
  readonly value: string | null
  /** When the task first processed the event. */
  arrival: number
}

interface WaitingEvent {
  readonly event: Event
  /** The join at which the event waits; `undefined` behind an earlier event with its key. */
  join: number | undefined
}

type ModelResult = Pick<OracleOutcome, 'type' | 'reason' | 'rows'> | { readonly type: 'wait'; readonly join: number }

/** The state of a task that runs one chain of joins: rows, queues of waiting events, and unprocessed stream records. */
export class JoinModel {
  readonly #joins: readonly OracleJoin[]
  readonly #tables = new Map<string, Map<string, string>>()
  readonly #queues = new Map<string, WaitingEvent[]>()
  readonly #outcomes: OracleOutcome[] = []
  /** Events that have arrived, and that the task has not processed yet. */
  readonly #stream: Event[] = []
  #now = 0
  #events = 0

  constructor(joins: readonly OracleJoin[]) {
    this.#joins = joins
  }

  apply(step: OracleStep): void {
    if (step.type === 'event') {
      this.#stream.push({ number: this.#events++, key: step.key, value: step.value, arrival: this.#now })
    } else if (step.type === 'row') {
      const rows = this.#tables.get(step.table) ?? new Map<string, string>()
      this.#tables.set(step.table, rows)
      if (step.value === null) rows.delete(step.key)
      else {
        rows.set(step.key, step.value)
        if (this.#joins.some(({ table }) => table === step.table)) this.#evaluate(step.key)
      }
    } else if (step.type === 'restart') {
      for (const key of [...this.#queues.keys()]) this.#evaluate(key)
    } else {
      this.#passTime(this.#now + step.ms)
    }
    this.#settle()
  }

  result(): OracleResult {
    const queued = [...this.#queues.values()].flat().map(({ event }) => event.number)
    return { outcomes: this.#outcomes, waiting: [...queued, ...this.#stream.map(({ number }) => number)] }
  }

  /** Each deadline expires at its own time, so that the stream records it makes room for are processed at that time. */
  #passTime(until: number): void {
    for (;;) {
      const next = Math.min(...this.#deadlines().map(([, deadline]) => deadline))
      if (next > until) break
      this.#now = Math.max(this.#now, next)
      this.#settle()
    }
    this.#now = until
  }

  #deadlines(): (readonly [key: string, deadline: number])[] {
    return [...this.#queues].flatMap(([key, [head]]) => {
      const wait = head?.join === undefined ? undefined : this.#joins[head.join]?.wait
      return wait === undefined || head === undefined ? [] : [[key, head.event.arrival + wait.atMostMs] as const]
    })
  }

  /** Expires events and processes stream records, until neither changes anything. */
  #settle(): void {
    for (;;) {
      const due = this.#deadlines().filter(([, deadline]) => deadline <= this.#now)
      for (const [key] of due) this.#evaluate(key)
      const before = this.#stream.length
      while (this.#stream[0] !== undefined && this.#process(this.#stream[0])) this.#stream.shift()
      if (due.length === 0 && this.#stream.length === before) return
    }
  }

  /** @returns false if the event has to stay in the stream */
  #process(event: Event): boolean {
    event.arrival = this.#now
    const queue = event.key === null || event.value === null ? undefined : this.#queues.get(event.key)
    if (queue !== undefined) return this.#enqueue(event, queue[0]?.join ?? 0)
    const result = this.#judge(event)
    if (result.type === 'wait') return this.#enqueue(event, result.join)
    this.#complete(event, result)
    return true
  }

  #enqueue(event: Event, join: number): boolean {
    const { maxRecords = Number.POSITIVE_INFINITY, whenFull = 'pause' } = this.#joins[join]?.wait ?? {}
    const count = [...this.#queues.values()].flat().length
    if (count > 0 && count >= maxRecords) {
      if (whenFull === 'dead-letter') this.#complete(event, { type: 'dead-letter', reason: 'wait-buffer-full' })
      return whenFull === 'dead-letter'
    }
    const key = event.key as string
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, [{ event, join }])
    else queue.push({ event, join: undefined })
    return true
  }

  /** Evaluates the queue of a key from its head, until an event has to wait. */
  #evaluate(key: string): void {
    const queue = this.#queues.get(key) ?? []
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const result = this.#judge(head.event)
      if (result.type === 'wait') {
        head.join = result.join
        return
      }
      queue.shift()
      this.#complete(head.event, result)
    }
    this.#queues.delete(key)
  }

  #judge({ key, value, arrival }: Event): ModelResult {
    if (value === null) return { type: 'drop', reason: 'null-value' }
    const rows: (string | undefined)[] = []
    for (const [join, { table, kind, wait }] of this.#joins.entries()) {
      if (key === null) {
        if (kind === 'inner') return { type: 'drop', reason: 'null-key' }
        rows.push(undefined)
        continue
      }
      const row = this.#tables.get(table)?.get(key)
      const isReady = row !== undefined && (wait?.ready?.(row, value) ?? true)
      if (!isReady && wait !== undefined && arrival + wait.atMostMs > this.#now) return { type: 'wait', join }
      if (!isReady && kind === 'inner') {
        const reason = row === undefined ? 'no-row' : 'not-ready'
        return { type: wait?.otherwise === 'dead-letter' ? 'dead-letter' : 'drop', reason }
      }
      rows.push(isReady ? row : undefined)
    }
    return { type: 'emit', rows }
  }

  #complete(event: Event, result: Exclude<ModelResult, { type: 'wait' }>): void {
    this.#outcomes.push({ event: event.number, key: event.key, ageMs: this.#now - event.arrival, ...result })
  }
}
