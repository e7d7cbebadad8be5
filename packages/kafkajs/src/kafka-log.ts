import { JoineryError as Failure, isJoineryError, type JoineryError } from '@joinery/core'
import { composeLog, type Guarantee, type Log } from '@joinery/core/log'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { checkOptions } from './check-options.js'
import { KafkaCluster } from './connection/kafka-cluster.js'
import { GroupOffsets } from './membership/group-offsets.js'
import { KafkaGroup } from './membership/kafka-group.js'
import { KafkaSource } from './reader/kafka-source.js'
import { KafkaSink } from './writer/kafka-sink.js'
import { KafkaTasks } from './writer/kafka-tasks.js'
import type { TopicFacts } from './writer/sealed-batches.js'

/** kafkajs' own configuration (brokers, ssl, sasl and all) and Joinery's. */
export interface KafkaLogConfig extends KafkaConfig {
  /**
   * How long a broker may take to answer, in milliseconds; then the connection is given up, and what was asked is asked
   * again on a new one. A commit whose answer is lost is uncertain for so long.
   * @defaultValue `30_000`
   */
  readonly requestTimeout?: number
  /** Replicas of changelogs. Default: 3, or as many as there are brokers. */
  readonly replicationFactor?: number
  /**
   * How long a member may be silent before its tasks go to others, in milliseconds.
   * @defaultValue `10_000`
   */
  readonly sessionTimeoutMs?: number
  /**
   * How often members tell that they are there, in milliseconds.
   * @defaultValue `500`
   */
  readonly heartbeatMs?: number
  /**
   * How batches are compressed that are written.
   * @defaultValue `'none'`
   */
  readonly compression?: 'none' | 'gzip'
  /**
   * What one compressed batch may grow to, in bytes; a larger one is refused.
   * @defaultValue `67_108_864`
   */
  readonly maxDecompressedBytes?: number
  /** Told of what is being tried again. */
  readonly onRetry?: (error: JoineryError) => void
}

const MIB = 2 ** 20
const TRANSACTION_TIMEOUT_MS = 30_000
const PUBLISH_MS = 1_000

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
  const {
    replicationFactor,
    sessionTimeoutMs = 10_000,
    heartbeatMs = 500,
    requestTimeout = 30_000,
    compression = 'none',
    maxDecompressedBytes = 64 * MIB,
    onRetry,
    ...own
  } = config
  checkOptions({ sessionTimeoutMs, heartbeatMs, requestTimeout, compression, maxDecompressedBytes, replicationFactor })
  // kafkajs would choose other defaults by NODE_ENV
  const kafkaConfig: KafkaConfig = {
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 5_000,
    requestTimeout,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10, factor: 0.2, multiplier: 2 },
    clientId: 'joinery',
    ...own,
  }
  const retrying = (cause: unknown) =>
    onRetry?.(
      isJoineryError(cause)
        ? cause
        : new Failure('LOG_FAILED', `tried again: ${String(cause)}`, { cause, retriable: true }),
    )
  const reading = new KafkaCluster(kafkaConfig)
  const writing = new KafkaCluster(kafkaConfig)
  const facts = new Map<string, TopicFacts>()
  const source = new KafkaSource(
    reading,
    { maxBytes: 8 * MIB, maxPartitionBytes: MIB, prefetchBytes: 2 * MIB, maxDecompressedBytes },
    retrying,
    ({ topic, partitions, maxMessageBytes }) => facts.set(topic, { partitions, maxBytes: maxMessageBytes }),
  )
  const group = new KafkaGroup({
    // an answer that is older than the session is of no use
    kafka: () => new kafkajs.Kafka({ ...kafkaConfig, requestTimeout: Math.min(requestTimeout, sessionTimeoutMs) }),
    check: (name) => reading.coordinatorOf('group', name),
    sessionTimeoutMs,
    // nobody is silent for longer, and an answer of the group that is lost costs so long
    rebalanceTimeoutMs: sessionTimeoutMs,
    heartbeatMs,
    publishMs: PUBLISH_MS,
    retrying,
  })
  const tasks = new KafkaTasks(writing, source, {
    replicationFactor,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    codec: compression,
    facts,
    published: (application, task, offsets) => group.publish(application, task, offsets),
  })
  return composeLog({
    source,
    sink: new KafkaSink(writing, compression, tasks.sizes),
    group,
    tasks,
    offsets: new GroupOffsets(writing, group),
    gauges: () => ({ prefetchedBytes: source.prefetchedBytes }),
    async close() {
      source.close()
      await Promise.all([reading.close(), writing.close()])
    },
  })
}
