import { JoineryError } from '@joinery/core'
import {
  type Batch,
  type Log,
  type LogSource,
  type Origin,
  reportsTopic,
  type TopicInfo,
  type TopicPartition,
} from '@joinery/core/log'
import { KafkaSource } from '../../../../kafkajs/src/reader/kafka-source.js'
import { KafkaTasks } from '../../../../kafkajs/src/writer/kafka-tasks.js'
import type { TopicFacts } from '../../../../kafkajs/src/writer/sealed-batches.js'
import { type Network, NoAnswer } from '../brokers/network.js'
import type { SimCluster, SimTopicOptions } from '../brokers/sim-cluster.js'
import type { SimGroup } from '../brokers/sim-group.js'
import type { SimPartition } from '../brokers/sim-partition.js'
import type { Scenario } from '../scenario/scenario.js'
import { simConnection } from './sim-connection.js'
import { simGroups } from './sim-membership.js'
import type { SimProcess } from './sim-process.js'

const MOST_RECORDS = 50
const RETRY_MS = 100
const READ_LIMITS = { maxBytes: 32_768, maxPartitionBytes: 4_096, prefetchBytes: 8_192, maxDecompressedBytes: 2 ** 20 }

/** What a process needs to reach the simulated brokers. */
export interface SimLogParts {
  readonly process: SimProcess
  readonly network: Network
  readonly cluster: SimCluster
  readonly group: SimGroup
  readonly scenario: Scenario
}

/**
 * The simulated brokers as one process sees them: everything goes over the network, and may fail or come late. What writes
 * transactions is kafkaLog's own writer, and in some scenarios what reads is its reader.
 */
export function simLog(parts: SimLogParts): Log<'exactly-once'> {
  const { process, network, cluster, group, scenario } = parts
  const call = <T>(label: string, execute: () => T): Promise<T> =>
    network.call(process, `${process.name} ${label}`, execute).catch((error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error
      throw new JoineryError('LOG_FAILED', `no answer to ${label}`, { cause: error, retriable: true })
    })
  const facts = new Map<string, TopicFacts>()
  const known = <T extends TopicInfo>(info: T): T => {
    facts.set(info.topic, { partitions: info.partitions, maxBytes: info.maxMessageBytes })
    return info
  }
  const connect = () => simConnection(process, network, cluster)
  const source =
    scenario.reads === 'byte by byte'
      ? new KafkaSource(connect(), READ_LIMITS, () => {}, known)
      : new SimSource(parts, call, known)
  const writer = new KafkaTasks(connect(), source, {
    replicationFactor: undefined,
    transactionTimeoutMs: scenario.transactionTimeoutMs,
    codec: scenario.codec,
    facts,
    published: () => {},
  })
  return {
    source,
    sink: { append: async (records) => call('append', () => cluster.append(records)) },
    group: simGroups(process, network, group),
    tasks: {
      guarantees: ['exactly-once'],
      async prepare({ application, partitions, reports }) {
        const made = (topic: string, options: SimTopicOptions) =>
          call('prepare', () => cluster.info(topic) ?? cluster.create(topic, options))
        if (reports) await made(reportsTopic(application), { partitions, cleanup: 'delete' })
        const changelog = { partitions, cleanup: 'compact', isAppendTime: true } as const
        return known(await made(`${application}-changelog`, changelog))
      },
      open: (task) => writer.open(task),
    },
    async [Symbol.asyncDispose]() {},
  }
}

type Call = <T>(label: string, execute: () => T) => Promise<T>

class SimSource implements LogSource {
  readonly #parts: SimLogParts
  readonly #call: Call
  readonly #known: (info: TopicInfo) => void

  constructor(parts: SimLogParts, call: Call, known: (info: TopicInfo) => void) {
    this.#parts = parts
    this.#call = call
    this.#known = known
  }

  async describe(topics: readonly string[]): Promise<readonly TopicInfo[]> {
    const infos = await this.#call('describe', () =>
      topics.map((topic) => {
        const info = this.#parts.cluster.info(topic)
        if (info === undefined) throw new JoineryError('TOPIC_MISSING', `there is no ${topic}`, { topic })
        return info
      }),
    )
    infos.forEach(this.#known)
    return infos
  }

  endOffset: LogSource['endOffset'] = ({ topic, partition }, kind) =>
    this.#call(`end of ${topic}[${partition}]`, () => {
      const found = this.#parts.cluster.partition(topic, partition)
      return kind === 'high-watermark' ? found.end : found.stableEnd
    })

  earliestOffset: LogSource['earliestOffset'] = (at: TopicPartition) =>
    this.#call(`earliest of ${at.topic}[${at.partition}]`, () => 0)

  async *read({ topic, partition, offset }: Origin, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const { process, cluster } = this.#parts
    const found = cluster.partition(topic, partition)
    const label = `fetch of ${topic}[${partition}]`
    let next = offset
    let told = -1
    while (!signal.aborted) {
      const from = next
      let batch: Batch
      try {
        batch = await this.#call(label, () => found.read(from, MOST_RECORDS))
      } catch {
        await process.world.sleep(RETRY_MS, `${process.name} fetches again`, process) // as the adapter does
        continue
      }
      if (signal.aborted) return
      if (batch.records.length === 0 && batch.next === next && told === batch.end) {
        await this.#changed(found, batch.end, signal)
        continue
      }
      next = batch.next
      told = batch.end
      yield batch
    }
  }

  /** A long poll. */
  #changed(partition: SimPartition, end: number, signal: AbortSignal): Promise<void> {
    const { process } = this.#parts
    return new Promise((resolve) => {
      let isWoken = false
      const wake = (): void => {
        if (isWoken) return
        isWoken = true
        signal.removeEventListener('abort', wake)
        process.world.after(process.world.random.next() * 3, `${process.name} is woken`, resolve, process)
      }
      const look = (): void => {
        if (partition.stableEnd === end && !isWoken) partition.watch(look)
        else wake()
      }
      signal.addEventListener('abort', wake)
      look()
    })
  }
}
