/** Offsets of the fields of a record batch (magic 2; https://kafka.apache.org/documentation/#recordbatch). */
export const AT = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

/** Bytes of a batch that its length field does not count. */
export const LENGTH_FROM: number = AT.leaderEpoch

/** Bits of the attributes. */
export const ATTRIBUTE = { codec: 0b111, logAppendTime: 0b1000, transactional: 0b1_0000, control: 0b10_0000 } as const

/** Codecs by their number in the attributes. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
