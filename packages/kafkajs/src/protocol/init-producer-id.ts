export const INIT_PRODUCER_ID = {
  key: 22,
  name: 'InitProducerId',
  minVersion: 1,
  maxVersion: 5,
  firstFlexibleVersion: 2,
  request: {
    /** `null` for a producer that is idempotent only. */
    transactionalId: 'nullableString',
    transactionTimeoutMs: 'int32',
    /** The producer that bumps its epoch; -1 for a new one. */
    producerId: { type: 'bigint64', from: 3, default: -1n },
    producerEpoch: { type: 'int16', from: 3, default: -1 },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    producerId: { type: 'bigint64', default: -1n },
    producerEpoch: 'int16',
  },
} as const
