import { type Clock, type JoineryError, systemClock } from '@joinery/core'
import { composeLog, type Guarantee, type Log } from '@joinery/core/log'
import { KafkaCluster } from './connection/kafka-cluster.js'
import { OngoingRetries } from './connection/ongoing-retries.js'
import { Throttling } from './connection/throttling.js'
import type { KafkaLogConfig } from './kafka-log-config.js'
import { kafkaLogOptions } from './kafka-log-options.js'
import { SocketOpener } from './kafkajs/socket-opener.js'
import { GroupOffsets } from './membership/group-offsets.js'
import { KafkaGroup } from './membership/kafka-group.js'
import { KafkaSource } from './reader/kafka-source.js'
import { userCallback } from './user-callback.js'
import { KafkaTasks } from './writer/group-commit/kafka-tasks.js'
import { KafkaSink } from './writer/kafka-sink.js'
import { OutputTopics } from './writer/output-topics.js'
import { ReplicaNotices } from './writer/replica-notices.js'

const MIB = 2 ** 20
/** As in Kafka Streams: so long do readers of the outputs wait at least for a transaction of an instance that crashed. */
const TRANSACTION_TIMEOUT_MS = 10_000
/** A request that has timed out is sent again, to another broker. */
const SECOND_ATTEMPT_MS = 2_000
const PUBLISH_INTERVAL_MS = 1_000

/**
 * Creates a log on a Kafka cluster. kafkajs 2.2.4 opens the connections, with TLS and SASL; Joinery sends the requests.
 *
 * @returns the log, which connects on first use
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
  const { sessionTimeoutMs, heartbeatIntervalMs, compression, maxDecompressedBytes, rack } = options
  // applications that read from the log stop with the error, as they do for an error of onEvent
  const failed = (error: JoineryError) => source.fail(error)
  const retries = new OngoingRetries(userCallback('onRetry', config.onRetry, failed))
  const cluster = (name: string, throttling: Throttling) =>
    new KafkaCluster({
      name,
      clock,
      bootstrap: options.bootstrap,
      sockets: new SocketOpener(options.kafkaConfig),
      requestTimeoutMs: options.requestTimeoutMs,
      connectRetry: options.connectRetry,
      retries,
      throttling,
    })
  const throttled = { reading: new Throttling(clock), writing: new Throttling(clock) }
  const reading = cluster('reading', throttled.reading)
  const writing = cluster('writing', throttled.writing)
  const onNotice = userCallback('onNotice', config.onNotice, failed)
  const topics = new OutputTopics(writing, new ReplicaNotices(onNotice))
  const limits = { maxBytes: 8 * MIB, maxPartitionBytes: MIB, prefetchBytes: 2 * MIB, maxDecompressedBytes, rack }
  const source = new KafkaSource(reading, limits, {
    onRetry: (what, error) => retries.report(what, error),
    onRetryEnd: (what) => retries.end(what),
    onDescribed: (output) => topics.add(output),
  })
  const group = new KafkaGroup({
    clock,
    cluster: reading,
    sessionTimeoutMs,
    // a member is never silent for longer; if a response of the group is lost, a rebalance takes this long
    rebalanceTimeoutMs: sessionTimeoutMs,
    heartbeatIntervalMs,
    publishIntervalMs: PUBLISH_INTERVAL_MS,
    retries,
  })
  const tasks = new KafkaTasks(writing, source, {
    changelog: options.changelog,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    deliveryTimeoutMs: options.requestTimeoutMs + SECOND_ATTEMPT_MS,
    codec: compression,
    topics,
    throttling: throttled.writing,
    onNotice,
    retries,
    verifyMembership: (application) => group.verify(application),
    publish: (application, task, offsets) => group.publish(application, task, offsets),
  })
  return composeLog({
    source,
    sink: new KafkaSink(writing, compression, topics),
    group,
    tasks,
    offsets: new GroupOffsets(writing, group),
    clock,
    problems: () => [
      ...new Set([
        ...[...retries.problems, ...reading.problems, ...writing.problems],
        ...[...throttled.reading.problems, ...throttled.writing.problems],
      ]),
    ],
    gauges: () => ({
      prefetchedBytes: source.prefetchedBytes,
      throttledMs: throttled.reading.totalMs + throttled.writing.totalMs,
    }),
    async close() {
      retries.close()
      source.close()
      await group.close()
      await Promise.all([reading.close(), writing.close()])
    },
  })
}
