import { JoineryError } from '@joinery/core'
import type { Assigner, Consumer, Kafka } from 'kafkajs'
import type { InternalCluster, InternalCoordinator } from './internals.js'
import { patchConnections } from './patch-connections.js'
import { requireFunctions } from './require-functions.js'

const MAX_WAIT_MS = 200
/** Retries often and for a long time: a member that keeps trying while a broker restarts needs no rebalance. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30, restartOnFailure: async () => false }

/** Options of a consumer's membership in its group. */
export interface GroupConsumerOptions {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly kafka: Kafka
}

/** Callbacks of a consumer. Once `isCurrent` returns `false`, only `beforeJoin` is called, which may then throw. */
export interface GroupConsumerListener {
  /** Runs before each attempt to join; kafkajs waits for it. */
  beforeJoin(): Promise<void>
  /** kafkajs has found the coordinator of the group, and sends its requests to this object from now on. */
  coordinatorFound(coordinator: InternalCoordinator): void
  /** The group has assigned partitions, by topic. */
  assigned(assignment: Readonly<Record<string, readonly number[]>>): void
  /** kafkajs has given up. */
  crashed(error: Error): void
  /** @returns the assigner, which distributes the partitions if this member is the leader */
  assigner(partitionsOf: (topic: string) => number): Assigner
  /** Whether no other consumer has taken the place of this one. */
  isCurrent(): boolean
}

/** A kafkajs consumer that is a member of a group and never fetches: all its partitions are paused. */
export class GroupConsumer {
  readonly #consumer: Consumer
  readonly #listener: GroupConsumerListener
  #endConnections = () => {}

  constructor(options: GroupConsumerOptions, listener: GroupConsumerListener) {
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatIntervalMs, kafka } = options
    this.#listener = listener
    this.#consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxWaitTimeInMs: MAX_WAIT_MS,
      retry: RETRY,
      partitionAssigners: [
        ({ cluster }) => {
          const internal = cluster as unknown as InternalCluster
          this.#endConnections = patchConnections(internal)
          requireFunctions('cluster', internal, ['findGroupCoordinator', 'findTopicPartitionMetadata'])
          this.#interceptJoins(internal, groupId)
          return listener.assigner((topic) => internal.findTopicPartitionMetadata(topic).length)
        },
      ],
    })
  }

  /**
   * Joins, and resolves with the first assignment. Later ones go to the listener.
   *
   * @throws the error of kafkajs
   */
  async join(topics: readonly string[]): Promise<void> {
    const joined = this.#listen()
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: async () => {
        throw new JoineryError('CLIENT_UNSUPPORTED', 'kafkajs fetched from a paused partition')
      },
    })
    await joined
  }

  /** Leaves the group. This takes long if no broker responds. */
  leave(): Promise<void> {
    return this.#consumer.disconnect()
  }

  /** Closes all connections that were opened for this consumer. */
  endConnections(): void {
    this.#endConnections()
  }

  /** kafkajs looks for the coordinator before each attempt to join: only there can it be made to wait. */
  #interceptJoins(cluster: InternalCluster, groupId: string): void {
    const find = cluster.findGroupCoordinator.bind(cluster)
    cluster.findGroupCoordinator = async (request) => {
      if (request.groupId === groupId) await this.#listener.beforeJoin()
      const coordinator = await find(request)
      this.#listener.coordinatorFound(coordinator)
      return coordinator
    }
  }

  /** kafkajs reports a failed attempt to join only by an event. */
  #listen(): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.#consumer.events
    const joined = new Promise<void>((resolve, reject) => {
      this.#consumer.on(GROUP_JOIN, ({ payload: { memberAssignment } }) => {
        if (!this.#listener.isCurrent()) return
        this.#consumer.pause(Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions })))
        this.#listener.assigned(memberAssignment)
        resolve()
      })
      this.#consumer.on(CRASH, ({ payload: { error } }) => {
        if (!this.#listener.isCurrent()) return
        this.#listener.crashed(error)
        reject(error)
      })
    })
    joined.catch(() => {}) // `join` awaits it, unless it fails before
    return joined
  }
}
