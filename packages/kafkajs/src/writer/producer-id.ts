/** Identifies a producer. Sequence numbers start at 0 in each epoch. */
export interface ProducerIdAndEpoch {
  readonly producerId: bigint
  readonly epoch: number
}

export const NO_PRODUCER_ID: ProducerIdAndEpoch = { producerId: -1n, epoch: -1 }
