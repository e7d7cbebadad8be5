import type { NewRecord } from '@joinery/core/log'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'

/** A batch as a broker receives it. */
export interface ProducedBatch {
  readonly producer: bigint
  readonly epoch: number
  readonly sequence: number
  readonly records: readonly NewRecord[]
}

/** The broker's response to a batch. */
export interface AppendResult {
  readonly code: number
  /** The offset of the first record, or -1. */
  readonly base: number
  /** The indexes of the records because of which it is refused. */
  readonly refused?: readonly number[]
}

interface AppendedBatch {
  readonly sequence: number
  readonly count: number
  readonly base: number
}

interface State {
  epoch: number
  /** The next sequence number. */
  next: number
  /** The last batches of the epoch, to recognize retries. */
  recentBatches: AppendedBatch[]
}

/** Brokers remember this many batches of each producer. */
const MAX_RECENT = 5

/** The producer state of one partition: epochs fence, and sequence numbers must neither repeat nor leave gaps. */
export class ProducerStates {
  readonly #states = new Map<bigint, State>()

  /** @returns the response to a batch that must not be appended; `undefined` if it is to be appended */
  errorFor({ producer, epoch, sequence, records }: ProducedBatch): AppendResult | undefined {
    const state = this.#states.get(producer)
    if (state === undefined) return undefined
    if (epoch < state.epoch) return { code: CODE.INVALID_PRODUCER_EPOCH, base: -1 }
    if (epoch > state.epoch) return sequence === 0 ? undefined : { code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, base: -1 }
    const before = state.recentBatches.find((each) => each.sequence === sequence && each.count === records.length)
    if (before !== undefined) return { code: CODE.NONE, base: before.base }
    return sequence === state.next ? undefined : { code: CODE.OUT_OF_ORDER_SEQUENCE_NUMBER, base: -1 }
  }

  appended({ producer, epoch, sequence, records }: ProducedBatch, base: number): void {
    const { length: count } = records
    const known = this.#states.get(producer)
    const recentBatches = known?.epoch === epoch ? known.recentBatches : []
    this.#states.set(producer, {
      epoch,
      next: sequence + count,
      recentBatches: [...recentBatches, { sequence, count, base }].slice(-MAX_RECENT),
    })
  }

  /** Called when a marker of this epoch was written. */
  transactionEnded(producer: bigint, epoch: number): void {
    const known = this.#states.get(producer)
    if (known === undefined || known.epoch < epoch) this.#states.set(producer, { epoch, next: 0, recentBatches: [] })
  }
}
