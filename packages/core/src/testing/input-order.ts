import { type Duration, durationMs } from '../duration.js'
import { chooseInput, type OrderedInput } from '../task/input-order.js'
import { checkOptionNames } from '../unknown-options.js'

/** The record that a task processes next. */
export interface TakenRecord {
  /** The input that it comes from. */
  readonly input: string
  /** The timestamp of the record, in milliseconds. */
  readonly timestamp: number
  /** The highest timestamp so far, this record included. */
  readonly streamTime: number
  /** How far the timestamp is behind stream time, in milliseconds. */
  readonly latenessMs: number
}

/** The order in which a task processes the records of its inputs. */
export interface InputOrder {
  /** Adds records to the end of an input. */
  add(input: string, ...timestamps: readonly number[]): void
  /** Sets how many more records of an input are known to be in the log; `undefined` if that is not known. */
  setLag(input: string, lag: number | undefined): void
  /** @returns whether a task would process a record at `now` (milliseconds); otherwise it waits for an input that is empty */
  isReady(now: number): boolean
  /** @returns the next record of those that were added, without waiting for empty inputs; `undefined` if there is none */
  next(): TakenRecord | undefined
  /** Replaces the inputs. An input that remains keeps its records. */
  setInputs(inputs: readonly string[]): void
  /** The number of records that were added and not processed yet. */
  readonly buffered: number
  /** Whether every input has an unprocessed record. */
  readonly isAllBuffered: boolean
  /** The highest timestamp so far; -1 before the first record. */
  readonly streamTime: number
  /** Raises stream time to a timestamp, as a restart does with the time that was committed. */
  observe(timestamp: number): void
  /** Removes all records, timestamps and lags. */
  clear(): void
}

/**
 * Shows in which order a task processes the records of several inputs: lowest timestamp first, and of equal timestamps the
 * input that is earlier in the list.
 *
 * @returns the order, with no records in any input
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
  options: { readonly maxIdle?: Duration | 'never' } = {},
): InputOrder {
  checkOptionNames('inputOrder', options, { maxIdle: true })
  const { maxIdle = '0ms' } = options
  return new BufferedInputs(inputs, maxIdle === 'never' ? -1 : durationMs(maxIdle, 'maxIdle'))
}

class BufferedInput implements OrderedInput {
  readonly name: string
  readonly rank: number
  readonly isPaused = false
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
    return chooseInput(this.#inputs, this.#maxIdleMs, now).type === 'take'
  }

  next(): TakenRecord | undefined {
    const choice = chooseInput(this.#inputs, -1, 0)
    if (choice.type === 'wait') return undefined
    const timestamp = choice.input.timestamps.shift() as number
    this.observe(timestamp)
    const { streamTime } = this
    return { input: choice.input.name, timestamp, streamTime, latenessMs: streamTime - timestamp }
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
