import { Random } from '../random.js'

/** What transactions meet on the brokers. */
export interface SimTransactions {
  /** `max.message.bytes` of the changelog and of the inputs: small enough that transactions have several batches in a partition. */
  readonly maxBatchBytes: number | undefined
  /** The share of markers that a leader writes twice, because its response is lost. */
  readonly repeatedMarkerRate: number
  /** After this many epochs a producer id is used up, and its transactional id gets another one. Kafka has 32 767. */
  readonly epochs: number
  /** The seed of the generator that chooses the repeated markers. */
  readonly seed: number
}

const EPOCHS = 32_767
/** Larger than any record of a changelog: one of a call takes up to 1.6 KB, with the reason why it is in doubt. */
const SMALL_BATCH_BYTES = [1_700, 2_400] as const

export const DEFAULT_TRANSACTIONS: SimTransactions = {
  maxBatchBytes: undefined,
  repeatedMarkerRate: 0,
  epochs: EPOCHS,
  seed: 0,
}

/** @param seed of a separate generator, so that everything else in a history does not depend on it */
export function chooseTransactions(seed: number): SimTransactions {
  const random = new Random(seed)
  return {
    maxBatchBytes: random.chance(0.2) ? random.between(...SMALL_BATCH_BYTES) : undefined,
    repeatedMarkerRate: random.chance(0.12) ? random.pick([0.05, 0.3]) : 0,
    epochs: random.chance(0.5) ? random.between(3, 40) : EPOCHS,
    seed: random.between(0, 2 ** 31),
  }
}
