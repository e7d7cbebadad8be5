import { JoineryError } from '@joinery/core'
import type { GroupMember, LogGroup, Membership } from '@joinery/core/log'
import type { Cluster, Consumer, Kafka } from 'kafkajs'
import { type InternalCluster, requireFunctions } from '../connection/kafkajs-internals.js'
import { stickyAssigner } from './sticky-assigner.js'

/** How members keep in touch. */
export interface GroupOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
}

/** What Joinery uses of kafkajs' coordinator object. */
interface InternalCoordinator {
  syncGroup(request: { generationId: number; memberId: string }): Promise<unknown>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
}

/** Who this member is in the group's present generation. */
interface Identity {
  readonly coordinator: InternalCoordinator
  readonly memberId: string
  readonly generationId: number
}

const RESTART_MS = 1_000
const MAX_WAIT_MS = 200

/** Groups through kafkajs consumers that never fetch: all their partitions are paused. */
export class KafkaGroup implements LogGroup {
  readonly #kafka: () => Kafka
  readonly #options: GroupOptions

  constructor(kafka: () => Kafka, options: GroupOptions) {
    this.#kafka = kafka
    this.#options = options
  }

  async join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership> {
    const membership = new KafkaMembership(this.#kafka, group, topics, member, this.#options)
    await membership.start()
    return membership
  }
}

class KafkaMembership implements Membership {
  readonly #kafka: () => Kafka
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #member: GroupMember
  readonly #options: GroupOptions
  #consumer: Consumer | undefined
  #identity: Identity | undefined
  /** Between the moment when this member hears of a rebalance and its next assignment. */
  #isRebalancing = true
  #provenAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #isBeating = false
  #isLeaving = false

  constructor(
    kafka: () => Kafka,
    group: string,
    topics: readonly string[],
    member: GroupMember,
    options: GroupOptions,
  ) {
    this.#kafka = kafka
    this.#group = group
    this.#topics = topics
    this.#member = member
    this.#options = options
  }

  async start(): Promise<void> {
    const {
      sessionTimeoutMs: sessionTimeout,
      rebalanceTimeoutMs: rebalanceTimeout,
      heartbeatMs: heartbeatInterval,
    } = this.#options
    const consumer = this.#kafka().consumer({
      groupId: this.#group,
      sessionTimeout,
      rebalanceTimeout,
      heartbeatInterval,
      maxWaitTimeInMs: MAX_WAIT_MS,
      retry: { initialRetryTime: 100, retries: 10, restartOnFailure: async () => true },
      partitionAssigners: [({ cluster }) => this.#assigner(cluster)],
    })
    this.#consumer = consumer
    consumer.on(consumer.events.GROUP_JOIN, ({ payload: { memberAssignment } }) => {
      consumer.pause(Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions })))
      this.#isRebalancing = false
      this.#provenAt = performance.now()
      this.#member.assigned(memberAssignment[this.#topics[0] as string] ?? [])
    })
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (this.#isLeaving || restart) return
      consumer.disconnect().catch(() => {}) // it is dead already
      this.#lose()
      setTimeout(() => this.#restart(error), RESTART_MS).unref()
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...this.#topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatch: async () => {
          throw new JoineryError('CLIENT_UNSUPPORTED', 'kafkajs fetched a partition that is paused')
        },
      })
    } catch (cause) {
      throw new JoineryError('LOG_FAILED', `group ${this.#group} cannot be joined: ${String(cause)}`, {
        cause,
        retriable: true,
      })
    }
    this.#timer = setInterval(() => this.#beat(), this.#options.heartbeatMs)
  }

  async prove(): Promise<'member' | 'rebalancing' | 'lost'> {
    const identity = this.#identity
    if (identity === undefined || this.#isRebalancing) return 'rebalancing'
    const sentAt = performance.now()
    try {
      await identity.coordinator.heartbeat({
        groupId: this.#group,
        groupGenerationId: identity.generationId,
        memberId: identity.memberId,
      })
      this.#provenAt = Math.max(this.#provenAt, sentAt)
      return identity === this.#identity ? 'member' : 'rebalancing'
    } catch (error) {
      const { type } = error as { readonly type?: string }
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_INSTANCE_ID')
        return identity === this.#identity ? 'lost' : 'rebalancing'
      return 'rebalancing'
    }
  }

  async leave(): Promise<void> {
    this.#isLeaving = true
    clearInterval(this.#timer)
    await this.#consumer?.disconnect()
  }

  /** Our own heartbeat: freshness counts from sending, by a monotonic clock. */
  #beat(): void {
    const silent = performance.now() - this.#provenAt
    if (!this.#isRebalancing && silent > (this.#options.sessionTimeoutMs * 2) / 3) this.#lose()
    if (this.#isBeating || this.#isRebalancing) return
    this.#isBeating = true
    this.prove()
      .then((proof) => {
        if (proof === 'lost') this.#lose()
      })
      .finally(() => {
        this.#isBeating = false
      })
  }

  #lose(): void {
    if (this.#isRebalancing || this.#isLeaving) return
    this.#isRebalancing = true
    this.#identity = undefined
    this.#member.lost()
  }

  #restart(cause: Error): void {
    if (this.#isLeaving) return
    clearInterval(this.#timer)
    this.start().catch((error: unknown) =>
      this.#member.failed(
        new JoineryError('LOG_FAILED', `group ${this.#group} was lost and cannot be joined again: ${String(error)}`, {
          cause,
        }),
      ),
    )
  }

  #assigner(cluster: Cluster): ReturnType<typeof stickyAssigner> {
    const internal = cluster as unknown as InternalCluster & {
      findTopicPartitionMetadata(topic: string): readonly unknown[]
    }
    requireFunctions('cluster', internal, ['findGroupCoordinator', 'findTopicPartitionMetadata'])
    const find = internal.findGroupCoordinator.bind(internal)
    internal.findGroupCoordinator = async (request) => {
      if (request.groupId === this.#group) await this.#revoke()
      const coordinator = await find(request)
      this.#watch(coordinator as unknown as InternalCoordinator)
      return coordinator
    }
    return stickyAssigner(
      (topic) => internal.findTopicPartitionMetadata(topic).length,
      () => this.#member.held(),
    )
  }

  /** kafkajs looks for the coordinator before each join: the one place where it can be made to wait. Never throws. */
  async #revoke(): Promise<void> {
    this.#isRebalancing = true
    const held = this.#member.held()
    if (held.length === 0) return
    const late = new Promise<void>((resolve) => setTimeout(resolve, this.#options.sessionTimeoutMs / 2).unref())
    const beating = setInterval(() => {
      const identity = this.#identity
      if (identity === undefined) return
      // its answer says that a rebalance is under way, which we know; it keeps the member in the group
      identity.coordinator
        .heartbeat({ groupId: this.#group, groupGenerationId: identity.generationId, memberId: identity.memberId })
        .catch(() => {})
    }, this.#options.heartbeatMs)
    try {
      await Promise.race([this.#member.revoked(held), late])
    } catch (error) {
      this.#member.failed(error as Error)
    } finally {
      clearInterval(beating)
    }
  }

  /** The generation is only to be seen in the requests that carry it. */
  #watch(coordinator: InternalCoordinator): void {
    requireFunctions('broker', coordinator, ['syncGroup', 'heartbeat'])
    if (Object.hasOwn(coordinator, 'syncGroup')) return
    const sync = coordinator.syncGroup.bind(coordinator)
    coordinator.syncGroup = async (request) => {
      const answer = await sync(request)
      this.#identity = { coordinator, memberId: request.memberId, generationId: request.generationId }
      return answer
    }
  }
}
