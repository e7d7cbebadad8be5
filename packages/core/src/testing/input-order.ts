import { type Duration, durationMs } from '../duration.js'
import { chooseInput, type OrderedInput } from '../task/input-order.js'

/** The record that is taken next. */
export interface TakenRecord {
  /** Where it was taken from. */
  readonly input: string
  /** Its own, in milliseconds. */
  readonly timestamp: number
  /** The highest timestamp taken so far, this one included. */
  readonly streamTime: number
  /** How far the record lies behind it, in milliseconds. */
  readonly latenessMs: number
}

/** The order in which a task takes records from its inputs. */
export interface InputOrder {
  /** Records arrive, in their order. */
  add(input: string, ...timestamps: readonly number[]): void
  /** How many more records the log is known to hold; `undefined` when that is not known. */
  setLag(input: string, lag: number | undefined): void
  /** Whether a task would take a record at `now` (milliseconds), or wait for an input that is empty. */
  isReady(now: number): boolean
  /** Takes the next record of what is there, without waiting for empty inputs. */
  next(): TakenRecord | undefined
  /** Inputs come and go; those that stay keep their records. */
  setInputs(inputs: readonly string[]): void
  /** How many records have arrived and not been taken. */
  readonly buffered: number
  /** Whether every input has a record. */
  readonly isAllBuffered: boolean
  /** -1 before the first record. */
  readonly streamTime: number
  /** A timestamp was seen before, as after a restart: stream time does not lie behind it. */
  observe(timestamp: number): void
  /** Forgets records, times and lags. */
  clear(): void
}

/**
 * Shows how records of several inputs are ordered: lowest timestamp first, on a tie the earlier input of the list.
 *
 * @example
 * ```ts
 * const order = inputOrder(['table', 'stream'])
 * order.add('stream', 10, 20)
 * order.add('table', 10)
 * assert.equal(order.next()?.input, 'table')
 * assert.equal(order.next()?.input, 'stream')
 * ```
 */
export function inputOrder(
  inputs: readonly string[],
  { maxIdle = '0ms' }: { readonly maxIdle?: Duration | 'never' } = {},
): InputOrder {
  return new BufferedInputs(inputs, maxIdle === 'never' ? -1 : durationMs(maxIdle, 'maxIdle'))
}

class BufferedInput implements OrderedInput {
  readonly name: string
  readonly rank: number
  readonly isBlocked = false
  timestamps: number[] = []
  lag: number | undefined
  idleSince: number | undefined

  constructor(name: string, rank: number) {
    this.name = name
    this.rank = rank
  }

  get headTimestamp(): number | undefined {
    return this.timestamps[0]
  }
}

class BufferedInputs implements InputOrder {
  #inputs: readonly BufferedInput[]
  readonly #maxIdleMs: number
  #streamTime = -1

  constructor(inputs: readonly string[], maxIdleMs: number) {
    this.#inputs = inputs.map((name, rank) => new BufferedInput(name, rank))
    this.#maxIdleMs = maxIdleMs
  }

  get buffered(): number {
    return this.#inputs.reduce((sum, { timestamps }) => sum + timestamps.length, 0)
  }

  get isAllBuffered(): boolean {
    return this.#inputs.every(({ timestamps }) => timestamps.length > 0)
  }

  get streamTime(): number {
    return this.#streamTime
  }

  add(input: string, ...timestamps: readonly number[]): void {
    this.#input(input).timestamps.push(...timestamps)
  }

  setLag(input: string, lag: number | undefined): void {
    this.#input(input).lag = lag
  }

  isReady(now: number): boolean {
    return 'take' in chooseInput(this.#inputs, this.#maxIdleMs, now)
  }

  next(): TakenRecord | undefined {
    const choice = chooseInput(this.#inputs, -1, 0)
    if (!('take' in choice)) return undefined
    const timestamp = choice.take.timestamps.shift() as number
    this.observe(timestamp)
    const { streamTime } = this
    return { input: choice.take.name, timestamp, streamTime, latenessMs: streamTime - timestamp }
  }

  observe(timestamp: number): void {
    this.#streamTime = Math.max(this.#streamTime, timestamp)
  }

  setInputs(inputs: readonly string[]): void {
    this.#inputs = inputs.map((name, rank) => {
      const kept = this.#inputs.find((input) => input.name === name)
      const input = new BufferedInput(name, rank)
      if (kept !== undefined) Object.assign(input, { timestamps: kept.timestamps, lag: kept.lag })
      return input
    })
  }

  clear(): void {
    this.#streamTime = -1
    for (const input of this.#inputs) {
      input.timestamps = []
      input.lag = undefined
      input.idleSince = undefined
    }
  }

  #input(name: string): BufferedInput {
    const found = this.#inputs.find((input) => input.name === name)
    if (found === undefined) throw new TypeError(`there is no input ${name}`)
    return found
  }
}
