import type { NewRecord } from '@joinery/core/log'
import { CODE } from '../../../../kafkajs/src/wire/error-codes.js'

/** A batch as a broker gets it. */
export interface ProducedBatch {
  readonly producer: number
  readonly epoch: number
  readonly sequence: number
  readonly records: readonly NewRecord[]
}

/** The broker's response to a batch. */
export interface Appended {
  readonly code: number
  /** The offset of the first record, or -1. */
  readonly base: number
}

interface Written {
  readonly sequence: number
  readonly count: number
  readonly base: number
}

interface State {
  epoch: number
  /** The sequence number that has to come next. */
  next: number
  /** The last batches of the epoch, by which one that is sent again is known. */
  last: Written[]
}

/** Brokers keep that many batches of each producer. */
const KEPT = 5

/** What one partition knows of its producers: epochs fence, and sequence numbers neither repeat nor leave gaps. */
export class ProducerStates {
  readonly #states = new Map<number, State>()

  /** The answer to a batch that is not to be appended; `undefined` for one that is. */
  look({ producer, epoch, sequence, records }: ProducedBatch): Appended | undefined {
    const state = this.#states.get(producer)
    if (state === undefined) return undefined
    if (epoch < state.epoch) return { code: CODE.INVALID_PRODUCER_EPOCH, base: -1 }
    if (epoch > state.epoch) return sequence === 0 ? undefined : { code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, base: -1 }
    const before = state.last.find((each) => each.sequence === sequence && each.count === records.length)
    if (before !== undefined) return { code: CODE.NONE, base: before.base }
    return sequence === state.next ? undefined : { code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, base: -1 }
  }

  wrote({ producer, epoch, sequence, records }: ProducedBatch, base: number): void {
    const { length: count } = records
    const known = this.#states.get(producer)
    const last = known?.epoch === epoch ? known.last : []
    this.#states.set(producer, {
      epoch,
      next: sequence + count,
      last: [...last, { sequence, count, base }].slice(-KEPT),
    })
  }

  /** A marker of this epoch was written. */
  marked(producer: number, epoch: number): void {
    const known = this.#states.get(producer)
    if (known === undefined || known.epoch < epoch) this.#states.set(producer, { epoch, next: 0, last: [] })
  }
}
