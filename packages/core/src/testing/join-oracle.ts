import type { Reason } from '../pipeline/dead-letter.js'

/** A wait, as the oracle understands it. */
export interface OracleWait {
  /** How long, from the moment the event was first processed. */
  readonly atMostMs: number
  /** Inner joins. */
  readonly otherwise?: 'drop' | 'dead-letter'
  /** A row that is not ready counts as missing. */
  readonly ready?: (row: string, value: string) => boolean
  /** How many events wait at once; default any number. */
  readonly maxRecords?: number
  /** @defaultValue `'pause'` */
  readonly whenFull?: 'pause' | 'dead-letter'
}

/** One join of a chain. */
export interface OracleJoin {
  /** Its name in the history. */
  readonly table: string
  /** What happens to an event without a row. */
  readonly kind: 'inner' | 'left'
  /** Without it nothing waits. */
  readonly wait?: OracleWait
}

/** What happens to a task, in processing order. Times are milliseconds; nothing else lets time pass. */
export type OracleStep =
  | {
      /** A table's record. */
      readonly step: 'row'
      /** The table's name. */
      readonly table: string
      /** The row's key. */
      readonly key: string
      /** `null` deletes the row. */
      readonly value: string | null
    }
  | {
      /** A stream's record. */
      readonly step: 'event'
      /** `null`: it has none. */
      readonly key: string | null
      /** `null`: a tombstone. */
      readonly value: string | null
    }
  | {
      /** Time passes. */
      readonly step: 'advance'
      /** How much, in milliseconds. */
      readonly ms: number
    }
  | {
      /** Everything that waits is looked at once with the rows of today. */
      readonly step: 'restart'
    }

/** What became of an event. Events are numbered from 0 in the order of the history. */
export interface OracleOutcome {
  /** Its number. */
  readonly event: number
  /** Its key. */
  readonly key: string | null
  /** What happened. */
  readonly does: 'emit' | 'drop' | 'dead-letter'
  /** Why, unless it was emitted. */
  readonly reason?: Reason
  /** The row of each join, where it was emitted. */
  readonly rows?: readonly (string | undefined)[]
  /** How long it had waited, in milliseconds. */
  readonly ageMs: number
}

/** What the oracle says of a history. */
export interface OracleAnswer {
  /** In the order in which they come about; only the order within a key is a promise. */
  readonly outcomes: readonly OracleOutcome[]
  /** Events that still wait, or stand before a full waiting room. */
  readonly waiting: readonly number[]
}

interface Event {
  readonly number: number
  readonly key: string | null
  readonly value: string | null
  arrival: number
}

interface Held {
  readonly event: Event
  /** The join that holds it, once it is its key's first. */
  join: number | undefined
}

type Verdict = Pick<OracleOutcome, 'does' | 'reason' | 'rows'> | { readonly does: 'wait'; readonly join: number }

/**
 * What a chain of joins does with a history, worked out step by step in the plainest way: no stores, no batches, no
 * transactions, and everything looked at again until nothing changes. Tests compare implementations with it.
 *
 * @example
 * ```ts
 * const { outcomes, waiting } = joinOracle(
 *   [{ table: 'rows', kind: 'inner', wait: { atMostMs: 100, otherwise: 'drop' } }],
 *   [
 *     { step: 'event', key: 'a', value: 'v' },
 *     { step: 'advance', ms: 40 },
 *     { step: 'row', table: 'rows', key: 'a', value: 'r' },
 *   ],
 * )
 * assert.deepEqual(outcomes, [{ event: 0, key: 'a', does: 'emit', rows: ['r'], ageMs: 40 }])
 * assert.deepEqual(waiting, [])
 * ```
 */
export function joinOracle(joins: readonly OracleJoin[], history: readonly OracleStep[]): OracleAnswer {
  const model = new Model(joins)
  for (const step of history) model.apply(step)
  return model.answer()
}

class Model {
  readonly #joins: readonly OracleJoin[]
  readonly #tables = new Map<string, Map<string, string>>()
  readonly #queues = new Map<string, Held[]>()
  readonly #outcomes: OracleOutcome[] = []
  /** Events that the stream has, and the task has not taken yet. */
  readonly #stream: Event[] = []
  #now = 0
  #events = 0

  constructor(joins: readonly OracleJoin[]) {
    this.#joins = joins
  }

  apply(step: OracleStep): void {
    if (step.step === 'event') {
      this.#stream.push({ number: this.#events++, key: step.key, value: step.value, arrival: this.#now })
    } else if (step.step === 'row') {
      const rows = this.#tables.get(step.table) ?? new Map<string, string>()
      this.#tables.set(step.table, rows)
      if (step.value === null) rows.delete(step.key)
      else {
        rows.set(step.key, step.value)
        if (this.#joins.some(({ table }) => table === step.table)) this.#advance(step.key)
      }
    } else if (step.step === 'restart') {
      for (const key of [...this.#queues.keys()]) this.#advance(key)
    } else {
      this.#passTime(this.#now + step.ms)
    }
    this.#settle()
  }

  answer(): OracleAnswer {
    const held = [...this.#queues.values()].flat().map(({ event }) => event.number)
    return { outcomes: this.#outcomes, waiting: [...held, ...this.#stream.map(({ number }) => number)] }
  }

  /** Deadlines fire each at its time, so that what they free is taken at that time. */
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

  /** Expires what is due and takes what the stream has, until neither changes anything. */
  #settle(): void {
    for (;;) {
      const due = this.#deadlines().filter(([, deadline]) => deadline <= this.#now)
      for (const [key] of due) this.#advance(key)
      const before = this.#stream.length
      while (this.#stream[0] !== undefined && this.#take(this.#stream[0])) this.#stream.shift()
      if (due.length === 0 && this.#stream.length === before) return
    }
  }

  /** Answers false if the event has to stay in the stream. */
  #take(event: Event): boolean {
    event.arrival = this.#now
    const queue = event.key === null || event.value === null ? undefined : this.#queues.get(event.key)
    if (queue !== undefined) return this.#hold(event, queue[0]?.join ?? 0)
    const verdict = this.#run(event)
    if (verdict.does === 'wait') return this.#hold(event, verdict.join)
    this.#settled(event, verdict)
    return true
  }

  #hold(event: Event, join: number): boolean {
    const { maxRecords = Number.POSITIVE_INFINITY, whenFull = 'pause' } = this.#joins[join]?.wait ?? {}
    const count = [...this.#queues.values()].flat().length
    if (count > 0 && count >= maxRecords) {
      if (whenFull === 'dead-letter') this.#settled(event, { does: 'dead-letter', reason: 'wait-buffer-full' })
      return whenFull === 'dead-letter'
    }
    const key = event.key as string
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, [{ event, join }])
    else queue.push({ event, join: undefined })
    return true
  }

  /** Lets a key's events go on, in their order, as far as rows and time allow. */
  #advance(key: string): void {
    const queue = this.#queues.get(key) ?? []
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const verdict = this.#run(head.event)
      if (verdict.does === 'wait') {
        head.join = verdict.join
        return
      }
      queue.shift()
      this.#settled(head.event, verdict)
    }
    this.#queues.delete(key)
  }

  #run({ key, value, arrival }: Event): Verdict {
    if (value === null) return { does: 'drop', reason: 'null-value' }
    const rows: (string | undefined)[] = []
    for (const [join, { table, kind, wait }] of this.#joins.entries()) {
      if (key === null) {
        if (kind === 'inner') return { does: 'drop', reason: 'null-key' }
        rows.push(undefined)
        continue
      }
      const row = this.#tables.get(table)?.get(key)
      const isReady = row !== undefined && (wait?.ready?.(row, value) ?? true)
      if (!isReady && wait !== undefined && arrival + wait.atMostMs > this.#now) return { does: 'wait', join }
      if (!isReady && kind === 'inner') {
        const reason = row === undefined ? 'no-row' : 'not-ready'
        return { does: wait?.otherwise === 'dead-letter' ? 'dead-letter' : 'drop', reason }
      }
      rows.push(isReady ? row : undefined)
    }
    return { does: 'emit', rows }
  }

  #settled(event: Event, verdict: Exclude<Verdict, { does: 'wait' }>): void {
    this.#outcomes.push({ event: event.number, key: event.key, ageMs: this.#now - event.arrival, ...verdict })
  }
}
