import { isJoineryError, JoineryError } from '@joinery/core'
import {
  type Batch,
  type Log,
  type LogSource,
  type Origin,
  type ReadPosition,
  reportsTopic,
  type TopicInfo,
  type TopicPartition,
} from '@joinery/core/log'
import { KafkaCluster } from '../../../../kafkajs/src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../../../kafkajs/src/connection/ongoing-retries.js'
import { Throttling } from '../../../../kafkajs/src/connection/throttling.js'
import { KafkaSource } from '../../../../kafkajs/src/reader/kafka-source.js'
import { KafkaTasks } from '../../../../kafkajs/src/writer/group-commit/kafka-tasks.js'
import { OutputTopics } from '../../../../kafkajs/src/writer/output-topics.js'
import { type Network, NoResponseError } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimGroup } from '../brokers/sim-group.js'
import type { SimPartition } from '../brokers/sim-partition.js'
import { addressesOf, simSockets } from '../connections/sim-sockets.js'
import { APPLICATION, type Scenario } from '../scenario/scenario.js'
import { simGroups } from './sim-membership.js'
import type { SimProcess } from './sim-process.js'

const REPORTS = reportsTopic(APPLICATION)
const MAX_RECORDS = 50
const RETRY_MS = 100
const SECOND_ATTEMPT_MS = 2_000
/** kafkaLog's defaults. */
const CONNECT_RETRY = { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10 }
const READ_LIMITS = {
  maxBytes: 32_768,
  maxPartitionBytes: 4_096,
  prefetchBytes: 8_192,
  maxDecompressedBytes: 2 ** 20,
  rack: '',
}

/** The parts that connect a process to the simulated brokers. */
export interface SimLogParts {
  readonly process: SimProcess
  readonly network: Network
  readonly cluster: SimCluster
  readonly group: SimGroup
  readonly scenario: Scenario
}

/**
 * The simulated brokers as one process sees them. Everything goes over the network, and may fail or be late. Transactions are written
 * by kafkaLog's own writer over its own connections, and in some scenarios inputs are read by its reader.
 */
export function simLog(parts: SimLogParts): Log<'exactly-once'> {
  const { process, network, cluster, group, scenario } = parts
  const call: Call = (label, execute) =>
    network.call(process, `${process.name} ${label}`, execute).catch((error: unknown) => {
      if (!(error instanceof NoResponseError)) throw error
      throw new JoineryError('LOG_FAILED', `no response to ${label}`, { cause: error, retriable: true })
    })
  const throttling = new Throttling(process.clock)
  const retries = new OngoingRetries(undefined)
  const connect = (name: string) =>
    new KafkaCluster({
      name,
      clock: process.clock,
      bootstrap: async () => addressesOf(cluster),
      sockets: simSockets(process, network, cluster),
      requestTimeoutMs: scenario.requestTimeoutMs,
      connectRetry: CONNECT_RETRY,
      retries,
      throttling: name === 'writing' ? throttling : new Throttling(process.clock),
    })
  const writing = connect('writing')
  const reading = connect('reading')
  const topics = new OutputTopics(writing)
  const remember = <T extends TopicInfo>(info: T): T => {
    topics.add(info)
    return info
  }
  const source =
    scenario.reader === 'kafkajs'
      ? new KafkaSource(reading, READ_LIMITS, { onRetry: () => {}, onDescribed: remember })
      : new SimSource(parts, call, remember)
  const groups = simGroups(process, network, group)
  const writer = new KafkaTasks(writing, source, {
    changelog: { replicationFactor: undefined, config: changelogConfig(scenario) },
    onNotice: () => {},
    retries,
    throttling,
    transactionTimeoutMs: scenario.transactionTimeoutMs,
    deliveryTimeoutMs: scenario.requestTimeoutMs + SECOND_ATTEMPT_MS,
    verifyMembership: () => groups.verify(),
    newInstanceName: () => process.name,
    codec: scenario.codec,
    topics,
    publish: () => {},
  })
  return {
    source,
    sink: { append: async (records) => call('append', () => cluster.append(records)) },
    group: groups,
    tasks: writer,
    async [Symbol.asyncDispose]() {
      if (source instanceof KafkaSource) source.close()
      await Promise.all([reading.close(), writing.close()])
    },
  }
}

function changelogConfig({ deleteRetentionMs, transactions: { maxBatchBytes } }: Scenario): Record<string, number> {
  return {
    'delete.retention.ms': deleteRetentionMs,
    ...(maxBatchBytes !== undefined && { 'max.message.bytes': maxBatchBytes }),
  }
}

const truncated = (at: Origin): JoineryError =>
  new JoineryError('OFFSET_OUT_OF_RANGE', `${at.topic}[${at.partition}] was truncated`, { ...at })

type Call = <T>(label: string, execute: () => T | Promise<T>) => Promise<T>

class SimSource implements LogSource {
  readonly #parts: SimLogParts
  readonly #call: Call
  readonly #remember: (info: TopicInfo) => void

  constructor(parts: SimLogParts, call: Call, remember: (info: TopicInfo) => void) {
    this.#parts = parts
    this.#call = call
    this.#remember = remember
  }

  async describe(topics: readonly string[]): Promise<readonly TopicInfo[]> {
    const infos = await this.#call('describe', () =>
      topics.map((topic) => {
        const info = this.#parts.cluster.info(topic)
        if (info === undefined) throw new JoineryError('TOPIC_MISSING', `there is no ${topic}`, { topic })
        return info
      }),
    )
    infos.forEach(this.#remember)
    return infos
  }

  endOffset: LogSource['endOffset'] = ({ topic, partition }, kind) =>
    this.#call(`end offset of ${topic}[${partition}]`, async () => {
      await this.#parts.cluster.whenLed(topic, partition)
      const found = this.#parts.cluster.partition(topic, partition)
      return kind === 'high-watermark' ? found.highWatermark : found.lastStableOffset
    })

  earliestOffset: LogSource['earliestOffset'] = (at: TopicPartition) =>
    this.#call(`earliest offset of ${at.topic}[${at.partition}]`, () => 0)

  async *read(position: ReadPosition, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const { topic, partition, offset } = position
    const { process, cluster, network } = this.#parts
    const found = cluster.partition(topic, partition)
    const label = `fetch of ${topic}[${partition}]`
    const lagMs = () => (topic === REPORTS ? network.reportsLagMs : 0)
    let next = offset
    let { leaderEpoch } = position
    let reportedEnd = -1
    while (!signal.aborted) {
      const from = next
      let batch: Batch
      try {
        batch = await this.#call(label, async () => {
          await cluster.whenLed(topic, partition)
          if (!found.holds(from, leaderEpoch ?? -1)) throw truncated({ topic, partition, offset: from })
          const read = found.read(from, MAX_RECORDS)
          return { ...read, leaderEpoch: found.entries[read.next - 1]?.leaderEpoch }
        })
      } catch (error) {
        if (isJoineryError(error, 'OFFSET_OUT_OF_RANGE')) throw error
        await process.eventLoop.sleep(RETRY_MS, `${process.name} fetches again`, process) // as the adapter does
        continue
      }
      if (lagMs() > 0) await process.eventLoop.sleep(lagMs(), `${process.name} gets reports late`, process)
      if (signal.aborted) return
      if (batch.records.length === 0 && batch.next === next && reportedEnd === batch.end) {
        await this.#untilChanged(found, batch, signal)
        continue
      }
      next = batch.next
      leaderEpoch = batch.leaderEpoch
      reportedEnd = batch.end
      yield batch
    }
  }

  /** Waits like a long poll: until the partition has changed. */
  #untilChanged(partition: SimPartition, last: Batch, signal: AbortSignal): Promise<void> {
    const { process } = this.#parts
    const { next, end, leaderEpoch = -1 } = last
    return new Promise((resolve) => {
      let isWoken = false
      const wakeup = (): void => {
        if (isWoken) return
        isWoken = true
        signal.removeEventListener('abort', wakeup)
        process.eventLoop.schedule(process.eventLoop.random.next() * 3, `${process.name} is woken`, resolve, process)
      }
      const check = (): void => {
        const isSame = partition.lastStableOffset === end && partition.holds(next, leaderEpoch)
        if (isSame && !isWoken) partition.onceChanged(check)
        else wakeup()
      }
      signal.addEventListener('abort', wakeup)
      check()
    })
  }
}
