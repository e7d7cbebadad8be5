import { type Duration, isJoineryError, JoineryError } from '@joinery/core'
import { durationMs, sizeBytes, unknownOptions } from '@joinery/core/log'
import type { KafkaConfig } from 'kafkajs'
import { type BrokerAddress, parseBrokerAddress } from './broker-address.js'
import type { ConnectRetry } from './connection/cluster-options.js'
import type { KafkaLogConfig } from './kafka-log-config.js'
import type { ChangelogOptions } from './writer/changelog-topics.js'

/** The options of a log with their defaults, as numbers. */
export interface KafkaLogOptions {
  /** For kafkajs, which opens the sockets. */
  readonly kafkaConfig: KafkaConfig
  /** @returns the brokers that are contacted first, to find all others */
  readonly bootstrap: () => Promise<readonly BrokerAddress[]>
  readonly requestTimeoutMs: number
  readonly connectRetry: ConnectRetry
  readonly rack: string
  readonly changelog: ChangelogOptions
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
  changelog: true,
  rack: true,
  sessionTimeout: true,
  heartbeatInterval: true,
  compression: true,
  maxDecompressedBytes: true,
  onRetry: true,
  onNotice: true,
}
const CHANGELOG_OPTIONS = { replicationFactor: true, config: true } as const
/** The minimum length of a session in heartbeats: one may be lost, and one late. */
const HEARTBEATS = 3
const CONNECT_RETRY: ConnectRetry = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10 }

/**
 * Checks the options of a log before anything connects. kafkajs checks its own options when it connects.
 *
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 */
export function kafkaLogOptions(config: KafkaLogConfig): KafkaLogOptions {
  const problems = [
    ...unknownOptions(config, KAFKA_LOG_OPTIONS),
    ...brokerProblems(config?.brokers),
    ...unknownOptions(config?.changelog, CHANGELOG_OPTIONS),
  ]
  const {
    brokers,
    changelog: { replicationFactor, config: changelogConfig = {} } = {},
    rack = '',
    sessionTimeout = '10s',
    heartbeatInterval = '500ms',
    requestTimeout = '10s',
    compression = 'none',
    maxDecompressedBytes = '64MiB',
    onRetry: _onRetry,
    onNotice: _onNotice,
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
  const requestTimeoutMs = milliseconds('requestTimeout', requestTimeout)
  const options = {
    kafkaConfig: {
      // some of kafkajs' own defaults depend on NODE_ENV
      connectionTimeout: 5_000,
      enforceRequestTimeout: true,
      clientId: 'joinery',
      ...own,
      brokers: [],
      requestTimeout: requestTimeoutMs,
    },
    bootstrap: async () => addresses(typeof brokers === 'function' ? await found(brokers) : brokers),
    requestTimeoutMs,
    connectRetry: { ...CONNECT_RETRY, ...retry },
    rack,
    changelog: { replicationFactor, config: changelogConfig },
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
    problems.push(`changelog.replicationFactor is ${replicationFactor}: use a whole number of at least 1`)
  if (compression !== 'none' && compression !== 'gzip')
    problems.push(`compression is ${String(compression)}: use 'none' or 'gzip'`)
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `kafkaLog cannot use these options: ${problems.join('; ')}`, { problems })
  return options
}

/** @returns everything that is wrong with a list of brokers */
function brokerProblems(brokers: unknown): string[] {
  const use = "use an array of host:port, such as ['localhost:9092']"
  if (typeof brokers === 'function') return []
  if (brokers === undefined) return [`brokers is missing: ${use}`]
  if (!Array.isArray(brokers)) return [`brokers is ${JSON.stringify(brokers)}: ${use}`]
  if (brokers.length === 0) return [`brokers is empty: ${use}`]
  return brokers
    .filter((broker) => parseBrokerAddress(broker) === undefined)
    .map((broker) => `brokers contains ${JSON.stringify(broker)}: ${use}`)
}

/** @throws JoineryError `LOG_FAILED`, retriable, if the function that finds brokers fails */
async function found(brokers: Extract<KafkaConfig['brokers'], () => unknown>): Promise<readonly string[]> {
  try {
    return await brokers()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new JoineryError('LOG_FAILED', `the function brokers failed: ${why}`, { cause, retriable: true })
  }
}

/** @throws JoineryError `OPTION_INVALID`, for the result of a function that finds brokers */
function addresses(brokers: readonly string[]): readonly BrokerAddress[] {
  const problems = brokerProblems(brokers)
  if (problems.length > 0) throw new JoineryError('OPTION_INVALID', problems.join('; '), { problems })
  return brokers.map((broker) => parseBrokerAddress(broker) as BrokerAddress)
}
