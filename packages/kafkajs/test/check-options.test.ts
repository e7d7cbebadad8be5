import { describe, expect, it } from 'vitest'
import { type KafkaLogConfig, kafkaLog } from '../src/index.js'

const brokers = ['localhost:1']

describe('the options of a Kafka log', () => {
  it.each([
    ['a heartbeat longer than a third of the session', { sessionTimeoutMs: 6_000, heartbeatMs: 2_001 }, /heartbeatMs/],
    ['a session of no length', { sessionTimeoutMs: 0 }, /sessionTimeoutMs/],
    ['a broken number', { maxDecompressedBytes: Number.NaN }, /maxDecompressedBytes/],
    ['no replicas', { replicationFactor: 0 }, /replicationFactor/],
    ['a codec that there is not', { compression: 'snappy' as 'gzip' }, /compression is snappy/],
  ] satisfies [string, Partial<KafkaLogConfig>, RegExp][])('%s is refused at once', (_, options, problem) => {
    expect(() => kafkaLog({ brokers, ...options })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', problems: [expect.stringMatching(problem)] }),
    )
  })

  it('a heartbeat of a third of the session will do', async () => {
    await using log = kafkaLog({ brokers, sessionTimeoutMs: 6_000, heartbeatMs: 2_000 })
    expect(log.tasks.guarantees).toEqual(['exactly-once', 'at-least-once'])
  })
})
