import type { ReadinessProbe } from '../servers/readiness-probe.js'
import type { KafkaOptions } from './kafka-options.js'

/** ApiVersions, version 0: length 10, key 18, version, correlation id 1, no client id. */
const API_VERSIONS = Buffer.from('0000000a0012000000000001ffff', 'hex')

export function kafkaReadinessProbe(port: number, { security = 'PLAINTEXT' }: KafkaOptions): ReadinessProbe {
  return { server: 'Kafka', port, isTls: security.endsWith('SSL'), request: API_VERSIONS, isReady: () => true }
}
