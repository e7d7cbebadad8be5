import { type Clock, systemClock } from '@joinery/core'
import { composeLog, type Guarantee, type Log } from '@joinery/core/log'
import kafkajs from 'kafkajs'
import { KafkaCluster } from './connection/kafka-cluster.js'
import { OngoingRetries } from './connection/ongoing-retries.js'
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
 * A Kafka cluster as a log. Connects on first use. kafkajs 2.2.4 provides configuration, connections, authentication
 * and group membership; Joinery implements reading and transactions itself.
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

/** A log with the given clock, for tests. */
export function kafkaLogWithClock(config: KafkaLogConfig, clock: Clock): Log<Guarantee> {
  const options = kafkaLogOptions(config)
  const { kafkaConfig, sessionTimeoutMs, heartbeatIntervalMs, compression, maxDecompressedBytes } = options
  const retries = new OngoingRetries(config.onRetry)
  const reading = new KafkaCluster({ name: 'reading', config: kafkaConfig, clock, retries })
  const writing = new KafkaCluster({ name: 'writing', config: kafkaConfig, clock, retries })
  const topics = new OutputTopics(writing)
  const limits = { maxBytes: 8 * MIB, maxPartitionBytes: MIB, prefetchBytes: 2 * MIB, maxDecompressedBytes }
  const source = new KafkaSource(reading, limits, {
    onRetry: (what, error) => retries.report(what, error),
    onRetryEnd: (what) => retries.end(what),
    onDescribed: (info) => topics.add(info),
  })
  const group = new KafkaGroup({
    clock,
    // a response that takes longer than the session is useless
    kafka: () =>
      new kafkajs.Kafka({ ...kafkaConfig, requestTimeout: Math.min(kafkaConfig.requestTimeout, sessionTimeoutMs) }),
    check: (name) => reading.coordinatorOf('group', name),
    sessionTimeoutMs,
    // a member is never silent for longer; if a response of the group is lost, a rebalance takes this long
    rebalanceTimeoutMs: sessionTimeoutMs,
    heartbeatIntervalMs,
    publishIntervalMs: PUBLISH_INTERVAL_MS,
    retries,
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
    problems: () => retries.problems,
    gauges: () => ({ prefetchedBytes: source.prefetchedBytes }),
    async close() {
      retries.close()
      source.close()
      await Promise.all([group.close(), reading.close(), writing.close()])
    },
  })
}
