/** Version 5 returns the producer id and epoch of the next transaction (KIP-890). */
export const END_TXN = {
  key: 26,
  name: 'EndTxn',
  minVersion: 1,
  maxVersion: 5,
  firstFlexibleVersion: 3,
  request: {
    transactionalId: 'string',
    producerId: 'bigint64',
    producerEpoch: 'int16',
    /** Whether the transaction commits; else it aborts. */
    committed: 'bool',
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    producerId: { type: 'bigint64', from: 5, default: -1n },
    producerEpoch: { type: 'int16', from: 5, default: -1 },
  },
} as const
