import { JoineryError } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import type { ClusterOptions } from './connection/kafka-brokers.js'
import type { KafkaLogConfig } from './kafka-log-config.js'

/** The options of a log with their defaults. */
export interface KafkaLogOptions {
  /** For kafkajs. */
  readonly kafkaConfig: ClusterOptions['config']
  readonly replicationFactor: number | undefined
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly compression: 'none' | 'gzip'
  readonly maxDecompressedBytes: number
}

/** A session is at least so many heartbeats long: one may be lost, and one late. */
const HEARTBEATS = 3
const RETRY = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10, factor: 0.2, multiplier: 2 }

/**
 * Checks the options of a log; kafkajs checks its own when it connects.
 *
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 */
export function kafkaLogOptions(config: KafkaLogConfig): KafkaLogOptions {
  const {
    replicationFactor,
    sessionTimeoutMs = 10_000,
    heartbeatMs = 500,
    requestTimeout = 30_000,
    compression = 'none',
    maxDecompressedBytes = 64 * 2 ** 20,
    onRetry: _onRetry,
    retry,
    ...own
  } = config
  const problems = Object.entries({
    sessionTimeoutMs,
    heartbeatMs,
    requestTimeout,
    maxDecompressedBytes,
    replicationFactor: replicationFactor ?? 1,
  })
    .filter(([, value]) => !Number.isSafeInteger(value) || value < 1)
    .map(([name, value]) => `${name} is ${value}: use a whole number of at least 1`)
  if (problems.length === 0 && heartbeatMs * HEARTBEATS > sessionTimeoutMs)
    problems.push(
      `heartbeatMs is ${heartbeatMs}: use at most a third of sessionTimeoutMs, which is ${sessionTimeoutMs}`,
    )
  if (compression !== 'none' && compression !== 'gzip')
    problems.push(`compression is ${String(compression)}: use 'none' or 'gzip'`)
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `invalid options of kafkaLog: ${problems.join('; ')}`, { problems })
  // some of kafkajs' own defaults depend on NODE_ENV
  const kafkaConfig = {
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 5_000,
    enforceRequestTimeout: true,
    clientId: 'joinery',
    ...own,
    requestTimeout,
    retry: { ...RETRY, ...retry },
  } satisfies KafkaConfig
  return {
    kafkaConfig,
    replicationFactor,
    sessionTimeoutMs,
    heartbeatIntervalMs: heartbeatMs,
    compression,
    maxDecompressedBytes,
  }
}
