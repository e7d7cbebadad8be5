/** What a broker knows a producer by. Each epoch has sequence numbers of its own. */
export interface ProducerIdAndEpoch {
  readonly producerId: number
  readonly epoch: number
}

export const NO_PRODUCER_ID: ProducerIdAndEpoch = { producerId: -1, epoch: -1 }
