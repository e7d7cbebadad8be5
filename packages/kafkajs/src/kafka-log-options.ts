import { type Duration, isJoineryError, JoineryError } from '@joinery/core'
import { durationMs, sizeBytes, unknownOptions } from '@joinery/core/log'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { isBrokerAddress } from './broker-address.js'
import type { ClusterOptions } from './connection/kafka-brokers.js'
import type { KafkaLogConfig } from './kafka-log-config.js'

/** The options of a log with their defaults, as numbers. */
export interface KafkaLogOptions {
  /** For kafkajs. */
  readonly kafkaConfig: ClusterOptions['config']
  readonly replicationFactor: number | undefined
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly compression: 'none' | 'gzip'
  readonly maxDecompressedBytes: number
}

const KAFKA_LOG_OPTIONS: Readonly<Record<keyof KafkaLogConfig, true>> = {
  brokers: true,
  ssl: true,
  sasl: true,
  clientId: true,
  connectionTimeout: true,
  authenticationTimeout: true,
  reauthenticationThreshold: true,
  requestTimeout: true,
  enforceRequestTimeout: true,
  retry: true,
  socketFactory: true,
  logLevel: true,
  logCreator: true,
  replicationFactor: true,
  sessionTimeout: true,
  heartbeatInterval: true,
  compression: true,
  maxDecompressedBytes: true,
  onRetry: true,
}
/** The minimum length of a session in heartbeats: one may be lost, and one late. */
const HEARTBEATS = 3
const RETRY = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10, factor: 0.2, multiplier: 2 }

/**
 * Checks the options of a log before anything connects. kafkajs checks its own options when it connects.
 *
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 */
export function kafkaLogOptions(config: KafkaLogConfig): KafkaLogOptions {
  const problems = [...unknownOptions(config, KAFKA_LOG_OPTIONS), ...brokerProblems(config?.brokers)]
  const {
    replicationFactor,
    sessionTimeout = '10s',
    heartbeatInterval = '500ms',
    requestTimeout = '30s',
    compression = 'none',
    maxDecompressedBytes = '64MiB',
    onRetry: _onRetry,
    retry,
    ...own
  } = config ?? {}
  /** @returns a whole number of at least 1, or `NaN` if there is a problem */
  const atLeastOne = (name: string, given: unknown, parse: () => number): number => {
    try {
      const value = Math.floor(parse())
      if (value >= 1) return value
      problems.push(`${name} is ${JSON.stringify(given)}: use at least 1`)
    } catch (error) {
      if (!isJoineryError(error, 'OPTION_INVALID')) throw error
      problems.push(error.message.replace('OPTION_INVALID: ', ''))
    }
    return Number.NaN
  }
  const milliseconds = (name: string, given: Duration) => atLeastOne(name, given, () => durationMs(given, name))
  const options = {
    kafkaConfig: {
      // some of kafkajs' own defaults depend on NODE_ENV
      logLevel: kafkajs.logLevel.NOTHING,
      connectionTimeout: 5_000,
      enforceRequestTimeout: true,
      clientId: 'joinery',
      ...(own as KafkaConfig),
      requestTimeout: milliseconds('requestTimeout', requestTimeout),
      retry: { ...RETRY, ...retry },
    },
    replicationFactor,
    sessionTimeoutMs: milliseconds('sessionTimeout', sessionTimeout),
    heartbeatIntervalMs: milliseconds('heartbeatInterval', heartbeatInterval),
    compression,
    maxDecompressedBytes: atLeastOne('maxDecompressedBytes', maxDecompressedBytes, () =>
      sizeBytes(maxDecompressedBytes, 'maxDecompressedBytes'),
    ),
  }
  if (options.heartbeatIntervalMs * HEARTBEATS > options.sessionTimeoutMs)
    problems.push(
      `heartbeatInterval is ${JSON.stringify(heartbeatInterval)}: use at most a third of sessionTimeout, which is ${JSON.stringify(sessionTimeout)}`,
    )
  if (replicationFactor !== undefined && !(Number.isSafeInteger(replicationFactor) && replicationFactor >= 1))
    problems.push(`replicationFactor is ${replicationFactor}: use a whole number of at least 1`)
  if (compression !== 'none' && compression !== 'gzip')
    problems.push(`compression is ${String(compression)}: use 'none' or 'gzip'`)
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `kafkaLog cannot use these options: ${problems.join('; ')}`, { problems })
  return options
}

/** kafkajs would fail only when it connects, and retry that for a long time. */
function brokerProblems(brokers: unknown): string[] {
  const use = "use an array of host:port, such as ['localhost:9092']"
  if (typeof brokers === 'function') return []
  if (brokers === undefined) return [`brokers is missing: ${use}`]
  if (!Array.isArray(brokers)) return [`brokers is ${JSON.stringify(brokers)}: ${use}`]
  if (brokers.length === 0) return [`brokers is empty: ${use}`]
  return brokers
    .filter((broker) => !isBrokerAddress(broker))
    .map((broker) => `brokers contains ${JSON.stringify(broker)}: ${use}`)
}
