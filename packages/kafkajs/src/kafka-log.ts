import { type Clock, isJoineryError, JoineryError, systemClock } from '@joinery/core'
import { composeLog, type Guarantee, type Log } from '@joinery/core/log'
import kafkajs from 'kafkajs'
import { KafkaCluster } from './connection/kafka-cluster.js'
import type { KafkaLogConfig } from './kafka-log-config.js'
import { kafkaLogOptions } from './kafka-log-options.js'
import { GroupOffsets } from './membership/group-offsets.js'
import { KafkaGroup } from './membership/kafka-group.js'
import { KafkaSource } from './reader/kafka-source.js'
import { KafkaSink } from './writer/kafka-sink.js'
import { KafkaTasks } from './writer/kafka-tasks.js'
import { OutputTopics } from './writer/output-topics.js'

const MIB = 2 ** 20
const TRANSACTION_TIMEOUT_MS = 30_000
const PUBLISH_INTERVAL_MS = 1_000

/**
 * A Kafka cluster as a log. Connects on first use. kafkajs 2.2.4 configures, connects and authenticates, and keeps the
 * group; reading and transactions are Joinery's own.
 *
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 *
 * @example
 * ```ts
 * const log = kafkaLog({ brokers: ['localhost:9092'], ssl: true })
 * ```
 */
export function kafkaLog(config: KafkaLogConfig): Log<Guarantee> {
  return kafkaLogWithClock(config, systemClock)
}

/** A log that waits by the given clock, for tests. */
export function kafkaLogWithClock(config: KafkaLogConfig, clock: Clock): Log<Guarantee> {
  const options = kafkaLogOptions(config)
  const { kafkaConfig, sessionTimeoutMs, heartbeatIntervalMs, compression, maxDecompressedBytes } = options
  const onRetry = retryListener(config.onRetry)
  const reading = new KafkaCluster({ config: kafkaConfig, clock, onRetry: onRetry.call })
  const writing = new KafkaCluster({ config: kafkaConfig, clock, onRetry: onRetry.call })
  const topics = new OutputTopics(writing)
  const limits = { maxBytes: 8 * MIB, maxPartitionBytes: MIB, prefetchBytes: 2 * MIB, maxDecompressedBytes }
  const source = new KafkaSource(reading, limits, { onRetry: onRetry.call, onDescribed: (info) => topics.add(info) })
  const group = new KafkaGroup({
    clock,
    // a response that is older than the session is of no use
    kafka: () =>
      new kafkajs.Kafka({ ...kafkaConfig, requestTimeout: Math.min(kafkaConfig.requestTimeout, sessionTimeoutMs) }),
    check: (name) => reading.coordinatorOf('group', name),
    sessionTimeoutMs,
    // a member is never silent for longer; a lost response of the group costs so long
    rebalanceTimeoutMs: sessionTimeoutMs,
    heartbeatIntervalMs,
    publishIntervalMs: PUBLISH_INTERVAL_MS,
    onRetry: onRetry.call,
  })
  const tasks = new KafkaTasks(writing, source, {
    replicationFactor: options.replicationFactor,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    codec: compression,
    topics,
    publish: (application, task, offsets) => group.publish(application, task, offsets),
  })
  return composeLog({
    source,
    sink: new KafkaSink(writing, compression, topics),
    group,
    tasks,
    offsets: new GroupOffsets(writing, group),
    clock,
    gauges: () => ({ prefetchedBytes: source.prefetchedBytes }),
    async close() {
      onRetry.stop()
      source.close()
      await Promise.all([group.close(), reading.close(), writing.close()])
    },
  })
}

/** Passes on errors after which something is retried: none that is final, and none once the log is closed. */
function retryListener(listener: KafkaLogConfig['onRetry']) {
  let isStopped = false
  return {
    call(cause: unknown): void {
      if (isStopped) return
      const error = isJoineryError(cause)
        ? cause
        : new JoineryError('LOG_FAILED', `retrying after: ${String(cause)}`, { cause, retriable: true })
      if (error.retriable) listener?.(error) // any other is thrown where it matters
    },
    stop(): void {
      isStopped = true
    },
  }
}
