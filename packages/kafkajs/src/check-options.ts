import { JoineryError } from '@joinery/core'
import type { KafkaLogConfig } from './kafka-log.js'

/** Beats within a session: one may be lost, and one late. */
const BEATS = 3

/**
 * Says everything that is wrong with our own options at once; kafkajs checks its own when it connects.
 *
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 */
export function checkOptions(
  options: Required<
    Pick<KafkaLogConfig, 'sessionTimeoutMs' | 'heartbeatMs' | 'requestTimeout' | 'compression' | 'maxDecompressedBytes'>
  > & {
    readonly replicationFactor: number | undefined
  },
): void {
  const {
    sessionTimeoutMs,
    heartbeatMs,
    requestTimeout,
    compression,
    maxDecompressedBytes,
    replicationFactor = 1,
  } = options
  const problems = Object.entries({
    sessionTimeoutMs,
    heartbeatMs,
    requestTimeout,
    maxDecompressedBytes,
    replicationFactor,
  })
    .filter(([, value]) => !Number.isSafeInteger(value) || value < 1)
    .map(([name, value]) => `${name} is ${value}: use a whole number of at least 1`)
  if (problems.length === 0 && heartbeatMs * BEATS > sessionTimeoutMs)
    problems.push(
      `heartbeatMs is ${heartbeatMs}: use at most a third of sessionTimeoutMs, which is ${sessionTimeoutMs}`,
    )
  if (compression !== 'none' && compression !== 'gzip')
    problems.push(`compression is ${String(compression)}: use 'none' or 'gzip'`)
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `kafkaLog cannot work with these options: ${problems.join('; ')}`, {
      problems,
    })
}
