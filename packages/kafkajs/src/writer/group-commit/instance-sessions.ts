import { randomBytes } from 'node:crypto'
import { JoineryError } from '@joinery/core'
import { type LogSource, type Membership, ownerRecord, type TaskSession, type TopicPartition } from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import type { OngoingRetries } from '../../connection/ongoing-retries.js'
import { sleep } from '../../connection/retry.js'
import type { TopicMetadata } from '../../connection/topic-metadata.js'
import { CODE } from '../../protocol/error-codes.js'
import { ProtocolError } from '../../protocol/protocol-error.js'
import type { OutgoingBatch } from '../outgoing-batch.js'
import type { OutputTopics } from '../output-topics.js'
import type { ThrottledTimes, TransactionSize } from '../transaction-size.js'
import type { TransactionalProducerOptions } from '../transactional-producer.js'
import { type BlockedAt, endBlockingTransaction } from './blocking-transaction.js'
import { ChangelogOwnership } from './changelog-ownership.js'
import { EndedTransactions } from './ended-transactions.js'
import { GroupCommit } from './group-commit.js'
import { InstanceProducers } from './instance-producers.js'
import { KafkaSession, type SessionParts } from './kafka-session.js'
import { StableOffsetWatch } from './stable-offset-watch.js'

/** Options of {@link InstanceSessions}. */
export interface InstanceSessionsOptions extends TransactionalProducerOptions {
  readonly application: string
  /** The name of this instance, which no other has, now or later. */
  readonly instance: string
  readonly topics: OutputTopics
  readonly size: TransactionSize
  readonly retries: OngoingRetries
  readonly throttling: ThrottledTimes
  /** Whether this instance is still a member of the application's group, by a heartbeat now. */
  readonly verifyMembership: Membership['verify']
  /** Publishes processed offsets after each commit, for lag tools. */
  readonly publish: (application: string, task: number, offsets: ReadonlyMap<string, number>) => void
}

const POLL_MS = 5
/** A last stable offset that has not moved for this long is held up by an open transaction. */
const HELD_UP_MS = 1_000
/** For how long to wait for a last stable offset: until a transaction has timed out and its coordinator has noticed. */
const READABLE_MS = 30_000
const SESSION_BYTES = 16

/** The sessions of an instance of an application: they share its transactions. */
export class InstanceSessions {
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: InstanceSessionsOptions
  readonly #producers: InstanceProducers
  readonly #groupCommit: GroupCommit
  readonly #ended = new EndedTransactions()
  /** The latest session of each task that was opened here: it supersedes the earlier ones. */
  readonly #latest = new Map<number, ChangelogOwnership>()

  constructor(cluster: KafkaCluster, source: LogSource, options: InstanceSessionsOptions) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
    this.#producers = new InstanceProducers(cluster, `${options.application}-${options.instance}`, options)
    this.#groupCommit = new GroupCommit(cluster, { ...options, producers: this.#producers })
  }

  /** Opens a session: commits OWNER, and waits until everything before it can be read. */
  async open(task: number): Promise<TaskSession> {
    const { application, topics, size, publish, retries, deliveryTimeoutMs } = this.#options
    const changelog = { topic: `${application}-changelog`, partition: task }
    const session = randomBytes(SESSION_BYTES)
    const ownership = new ChangelogOwnership(this.#cluster, changelog, { session, timeoutMs: deliveryTimeoutMs })
    this.#latest.set(task, ownership)
    const isSuperseded = () => this.#latest.get(task) !== ownership
    await topics.lookUp([changelog.topic])
    const owner = (transactionalId: string) => ownerRecord({ session, transactionalId })
    const { baseOffset, appendedAt } = await this.#commitOwner({ changelog, ownership, owner, isSuperseded })
    if (appendedAt < 0) throw clockUnknown(changelog)
    failpoint('open.owner-committed')
    await this.#untilReadable(changelog, baseOffset).finally(() => retries.end(readingOf(changelog)))
    failpoint('open.owner-readable')
    const watch = new StableOffsetWatch(baseOffset, {
      clock: this.#cluster.clock,
      lastStableOffset: () => this.#source.endOffset(changelog, 'last-stable-offset'),
      endBlocking: (offset, isHanging) => this.#endBlocking({ ...changelog, offset }, isHanging),
      onStable: () => retries.end(readingOf(changelog)),
    })
    return new KafkaSession({
      token: { topicId: await this.#idOf(changelog.topic), offset: baseOffset },
      openedAt: appendedAt,
      changelog,
      ownership,
      owner,
      groupCommit: this.#groupCommit,
      topics,
      size,
      isSuperseded,
      watch,
      publish: (offsets) => publish(application, task, offsets),
    })
  }

  async #commitOwner({
    changelog,
    ownership,
    owner,
    isSuperseded,
  }: Pick<SessionParts, 'changelog' | 'ownership' | 'owner' | 'isSuperseded'>): Promise<OutgoingBatch> {
    const result = await this.#groupCommit.submit({
      changelog,
      ownership,
      outputs: [],
      bytes: 0,
      changelogRecords: (transactionalId) => [owner(transactionalId)],
      isSuperseded,
    })
    if (result.outcome === 'committed') return result.changelog[0] as OutgoingBatch
    const { outcome, cause } = result
    throw cause ?? new JoineryError('LOG_FAILED', `OWNER was ${outcome}`, { ...changelog, retriable: true })
  }

  /** Resolves once an offset can be read: transactions that were open before it have ended. */
  async #untilReadable(changelog: TopicPartition, offset: number): Promise<void> {
    const { clock } = this.#cluster
    const until = clock.monotonic() + READABLE_MS
    let end = -1
    let since = clock.monotonic()
    /** The last stable offset whose transaction was ended. */
    let endedAt = -1
    for (;;) {
      const before = end
      end = await this.#source.endOffset(changelog, 'last-stable-offset')
      const now = clock.monotonic()
      if (end > offset) return
      if (end !== before) since = now
      else if (now - since >= HELD_UP_MS) {
        if (await this.#endBlocking({ ...changelog, offset: end }, endedAt === end)) endedAt = end
        since = clock.monotonic()
      }
      if (now > until) throw notReadable(changelog, offset)
      await sleep(clock, POLL_MS)
    }
  }

  /** @returns whether the transaction that holds up a last stable offset was ended */
  async #endBlocking(at: BlockedAt, isHanging: boolean): Promise<boolean> {
    const { retries } = this.#options
    const what = readingOf(at)
    const options = { ...this.#options, ownId: this.#producers.transactionalId, ended: this.#ended, isHanging }
    try {
      await endBlockingTransaction(this.#cluster, at, options)
      retries.end(what)
      return true
    } catch (error) {
      retries.report(what, error)
      return false
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

const readingOf = ({ topic, partition }: TopicPartition): string => `read ${topic}[${partition}]`

/** The topic was checked when the application started; it may have been altered since. */
function clockUnknown({ topic, partition }: TopicPartition): JoineryError {
  const message = `the brokers do not say when they append to ${topic}[${partition}], and exactly-once needs their clock: set message.timestamp.type of ${topic} to LogAppendTime; if it is, these brokers do not support it`
  return new JoineryError('TOPIC_UNSUITABLE', message, { topic, partition })
}

function notReadable({ topic, partition }: TopicPartition, offset: number): JoineryError {
  const what = `the last stable offset of ${topic}[${partition}] does not advance beyond ${offset}`
  return new JoineryError('LOG_FAILED', `${what}: look for a hanging transaction (kafka-transactions.sh)`, {
    retriable: true,
    topic,
    partition,
    offset,
  })
}
