import { randomBytes } from 'node:crypto'
import { isJoineryError, JoineryError } from '@joinery/core'
import {
  changelogOwner,
  type LogSource,
  type LogTasks,
  type TaskSession,
  type TopicInfo,
  type TopicPartition,
} from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { ADD_PARTITIONS_TO_TXN } from '../protocol/add-partitions-to-txn.js'
import { END_TXN } from '../protocol/end-txn.js'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { type ChangelogOptions, ChangelogTopics } from './changelog-topics.js'
import { fatalError } from './fatal-error.js'
import { KafkaSession } from './kafka-session.js'
import type { OutputTopics } from './output-topics.js'
import { Producer } from './producer.js'
import { type OutgoingBatch, RecordAccumulator } from './record-accumulator.js'
import type { CreationListener } from './topic-creation.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { transactionProtocol } from './transaction-protocol.js'
import { TransactionSize } from './transaction-size.js'
import { writeBatches } from './write-batches.js'

/** Options for writing. */
export interface WriterOptions extends CreationListener {
  readonly changelog: ChangelogOptions
  readonly transactionTimeoutMs: number
  readonly codec: 'none' | 'gzip'
  readonly topics: OutputTopics
  /** @returns for how long the brokers have throttled this client so far, in milliseconds */
  readonly throttledMs: () => number
  /** Publishes processed offsets after each commit, for lag tools. */
  readonly publish: (application: string, task: number, offsets: ReadonlyMap<string, number>) => void
}

const POLL_MS = 5

/** Sessions of tasks, as Kafka transactions: transactional id `<application>-<task>`, changelog `<application>-changelog`. */
export class KafkaTasks implements LogTasks<'exactly-once'> {
  readonly guarantees = ['exactly-once'] as const
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: WriterOptions
  readonly #changelogs: ChangelogTopics
  /** Shared by all tasks, because a quota applies to the client as a whole. */
  readonly #size: TransactionSize

  constructor(cluster: KafkaCluster, source: LogSource, options: WriterOptions) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
    this.#changelogs = new ChangelogTopics(cluster, source, options.changelog, options)
    this.#size = new TransactionSize(options.transactionTimeoutMs)
  }

  async prepare(request: Parameters<LogTasks['prepare']>[0]): Promise<TopicInfo> {
    await this.#cluster.require([ADD_PARTITIONS_TO_TXN, END_TXN])
    return this.#changelogs.prepare(request)
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const changelog = { topic: `${application}-changelog`, partition: task }
    const id = `${application}-${task}`
    const { transactionTimeoutMs, codec, topics, publish } = this.#options
    const { clock } = this.#cluster
    try {
      const protocol = transactionProtocol(await this.#cluster.transactionVersion())
      const coordinator = new TransactionCoordinator(this.#cluster, id, transactionTimeoutMs, protocol)
      const versions = protocol.produce
      const producer = new Producer(this.#cluster, { transactionalId: id, channel: 'main', codec, versions })
      producer.setProducerIdAndEpoch(await coordinator.init())
      failpoint('open.fenced')
      const owner = { ...changelog, ...changelogOwner(randomBytes(16)), timestamp: clock.now(), headers: [] }
      const [written] = (await writeBatches({
        producer,
        coordinator,
        topics,
        accumulator: new RecordAccumulator(),
        records: [owner],
      })) as [OutgoingBatch]
      failpoint('open.owner-written')
      producer.setProducerIdAndEpoch(await coordinator.commit(producer.producerIdAndEpoch, () => {}))
      failpoint('open.owner-committed')
      await this.#readable(changelog, written.baseOffset)
      failpoint('open.owner-readable')
      return new KafkaSession({
        token: { topicId: await this.#idOf(changelog.topic), offset: written.baseOffset },
        openedAt: written.appendedAt,
        changelog,
        cluster: this.#cluster,
        coordinator,
        producer,
        topics,
        size: this.#size,
        throttledMs: this.#options.throttledMs,
        publish: (offsets) => publish(application, task, offsets),
      })
    } catch (cause) {
      const error = fatalError(cause)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `could not open task ${task} of ${application}: ${String(cause)}`, {
        cause,
        retriable: true,
        ...changelog,
      })
    }
  }

  /** Resolves once an offset can be read: the coordinator responds to EndTxn before that. */
  async #readable(changelog: TopicPartition, offset: number): Promise<void> {
    const { clock } = this.#cluster
    const until = clock.monotonic() + this.#options.transactionTimeoutMs
    while ((await this.#source.endOffset(changelog, 'last-stable-offset')) <= offset) {
      if (clock.monotonic() > until) {
        const what = `the last stable offset of ${changelog.topic}[${changelog.partition}] does not advance beyond ${offset}`
        throw new JoineryError('LOG_FAILED', `${what}: look for a hanging transaction (kafka-transactions.sh)`, {
          retriable: true,
          ...changelog,
          offset,
        })
      }
      await sleep(clock, POLL_MS)
    }
  }

  /**
   * @returns the topic's id, which identifies the topic in tokens. A broker that does not have the topic yet returns an error
   * and no id: if that were taken for the id, every store would seem to belong to another topic.
   */
  async #idOf(topic: string): Promise<string> {
    const [{ code, id }] = (await this.#cluster.refresh([topic])) as [TopicMetadata]
    if (code !== CODE.NONE) throw new ProtocolError(code, `Metadata of ${topic}`, topic)
    return id
  }
}
