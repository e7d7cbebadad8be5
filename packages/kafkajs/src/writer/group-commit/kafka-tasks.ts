import { randomBytes } from 'node:crypto'
import { isJoineryError, JoineryError } from '@joinery/core'
import type { LogSource, LogTasks, Membership, TaskSession, TopicInfo } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import type { OngoingRetries } from '../../connection/ongoing-retries.js'
import { ADD_PARTITIONS_TO_TXN } from '../../protocol/add-partitions-to-txn.js'
import { END_TXN } from '../../protocol/end-txn.js'
import { ProtocolError } from '../../protocol/protocol-error.js'
import { type ChangelogOptions, ChangelogTopics } from '../changelog-topics.js'
import { fatalError } from '../fatal-error.js'
import type { CreationListener } from '../topic-creation.js'
import { TransactionSize } from '../transaction-size.js'
import { InstanceSessions, type InstanceSessionsOptions } from './instance-sessions.js'

/** Options for writing. */
export interface WriterOptions
  extends CreationListener,
    Omit<InstanceSessionsOptions, 'application' | 'instance' | 'size' | 'verifyMembership'> {
  readonly changelog: ChangelogOptions
  readonly retries: OngoingRetries
  /** Whether this process is a member of the application's group, by a heartbeat now; it is if it has not joined one. */
  readonly verifyMembership: (application: string) => ReturnType<Membership['verify']>
  /** @returns a name that no other instance has, now or later; default: random */
  readonly newInstanceName?: () => string
}

const NAME_BYTES = 6

/** Sessions of tasks, whose commits share Kafka transactions: one transactional producer for each instance of an application. */
export class KafkaTasks implements LogTasks<'exactly-once'> {
  readonly guarantees = ['exactly-once'] as const
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: WriterOptions
  readonly #changelogs: ChangelogTopics
  /** By application. */
  readonly #instances = new Map<string, InstanceSessions>()
  /** Shared by all applications, because a quota applies to the client as a whole. */
  readonly #size: TransactionSize

  constructor(cluster: KafkaCluster, source: LogSource, options: WriterOptions) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
    this.#changelogs = new ChangelogTopics(cluster, source, options.changelog, options)
    this.#size = new TransactionSize(options.transactionTimeoutMs)
  }

  /** @throws JoineryError */
  async prepare(request: Parameters<LogTasks['prepare']>[0]): Promise<TopicInfo> {
    await this.#cluster.require([ADD_PARTITIONS_TO_TXN, END_TXN])
    try {
      return await this.#changelogs.prepare(request)
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause
      const message = `could not prepare the topics of ${request.application}: ${cause.message}`
      throw new JoineryError('LOG_FAILED', message, { cause, retriable: true })
    }
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const topic = `${application}-changelog`
    try {
      return await this.#instanceOf(application).open(task)
    } catch (cause) {
      const error = fatalError(cause, topic)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `could not open task ${task} of ${application}: ${String(cause)}`, {
        cause,
        retriable: true,
        topic,
        partition: task,
      })
    }
  }

  #instanceOf(application: string): InstanceSessions {
    const known = this.#instances.get(application)
    if (known !== undefined) return known
    const { newInstanceName = randomName, verifyMembership } = this.#options
    const instance = new InstanceSessions(this.#cluster, this.#source, {
      ...this.#options,
      application,
      instance: newInstanceName(),
      size: this.#size,
      verifyMembership: () => verifyMembership(application),
    })
    this.#instances.set(application, instance)
    return instance
  }
}

const randomName = (): string => randomBytes(NAME_BYTES).toString('hex')
