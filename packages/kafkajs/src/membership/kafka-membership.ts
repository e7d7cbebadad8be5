import { JoineryError } from '@joinery/core'
import type { GroupMember, Membership } from '@joinery/core/log'
import type { Cluster, Consumer } from 'kafkajs'
import type { InternalCluster, InternalCoordinator } from '../kafkajs/internals.js'
import { requireFunctions } from '../kafkajs/require-functions.js'
import { type GroupConsumer, groupConsumer } from './group-consumer.js'
import { groupError } from './group-errors.js'
import { type Holding, Holdings } from './holdings.js'
import type { GroupOptions } from './kafka-group.js'
import { isExpelled, MemberIdentity } from './member-identity.js'
import { OffsetPublisher } from './offset-publisher.js'
import { stickyAssigner } from './sticky-assigner.js'

/** `joining`: between the news of a rebalance and the next assignment. `lost`: the member was told so, and has no tasks. */
type State = 'joining' | 'member' | 'lost'

const FIRST_JOIN_MS = 30_000
const FIRST_REJOIN_MS = 200
const LAST_REJOIN_MS = 5_000
const LEAVE_MS = 5_000

/** One membership: a kafkajs consumer, and another one when kafkajs gives up. */
export class KafkaMembership implements Membership {
  readonly group: string
  readonly topics: readonly string[]
  readonly #member: GroupMember
  readonly #options: GroupOptions
  readonly #publisher: OffsetPublisher
  readonly #identity: MemberIdentity
  #consumer: GroupConsumer | undefined
  #assignment: readonly number[] = []
  readonly #holdings = new Holdings()
  #state: State = 'joining'
  /** Since when it has not been a member, in monotonic milliseconds. */
  #outSince = performance.now()
  /** When the last heartbeat was sent that the group answered well. */
  #provenAt = performance.now()
  /** When tasks were given up for kafkajs to join; never, while they are being given up. */
  #handedOverAt = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #isBeating = false
  #isRejoining = false
  #isLeaving = false
  /** Why kafkajs gave its consumer up. */
  #crash: Error | undefined

  constructor(group: string, topics: readonly string[], member: GroupMember, options: GroupOptions) {
    this.group = group
    this.topics = topics
    this.#member = member
    this.#options = options
    this.#identity = new MemberIdentity(group, {
      proven: (sentAt) => this.#proven(sentAt),
      expelled: () => this.#state === 'member' && this.#lose(),
    })
    this.#publisher = new OffsetPublisher((offsets) => this.#identity.commitOffsets(offsets), options.publishMs)
  }

  /** Joins; what passes by itself, such as a coordinator that is being loaded, is waited for. */
  async start(): Promise<void> {
    await this.#joinAgain(undefined, performance.now() + FIRST_JOIN_MS)
    this.#timer = setInterval(() => this.#beat(), this.#options.heartbeatMs)
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const asked = this.#identity.current
    if (asked === undefined || this.#state === 'joining') return 'rebalancing'
    try {
      await this.#identity.heartbeat()
      return asked === this.#identity.current && this.#state === 'member' ? 'member' : 'rebalancing'
    } catch (error) {
      return asked === this.#identity.current && isExpelled(error) ? 'lost' : 'rebalancing'
    }
  }

  /** A task that is this member's; `undefined` for any other. */
  holding(task: number): Holding | undefined {
    return this.#holdings.get(task)
  }

  publish(task: number, offsets: ReadonlyMap<string, number>): void {
    if (this.#assignment.includes(task)) this.#publisher.add(task, offsets)
  }

  async leave(): Promise<void> {
    if (this.#isLeaving) return
    this.#isLeaving = true
    clearInterval(this.#timer)
    const leaving = this.#publisher.flush().then(() => this.#consumer?.end())
    leaving.catch(() => {}) // who does not hear from this member drops it after the session time-out
    await Promise.race([leaving, after(LEAVE_MS)])
    this.#publisher.close()
  }

  /** One attempt: a new consumer, and its first assignment. kafkajs tells of a failed one only by an event. */
  async #join(): Promise<void> {
    let made: GroupConsumer | undefined
    this.#crash = undefined
    try {
      await this.#options.check(this.group)
      const isCurrent = () => made !== undefined && this.#consumer === made
      made = groupConsumer(this.group, this.#options, (cluster) => this.#assigner(cluster, isCurrent))
      this.#consumer = made
      const { consumer } = made
      const joined = this.#follow(consumer)
      await consumer.connect()
      await consumer.subscribe({ topics: [...this.topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatch: async () => {
          throw new JoineryError('CLIENT_UNSUPPORTED', 'kafkajs fetched a partition that is paused')
        },
      })
      await joined
    } catch (error) {
      made?.end() // it is of no use any more
      throw groupError(this.group, error)
    }
  }

  /** Resolves with the first assignment; later ones, and the end, go to the member. */
  #follow(consumer: Consumer): Promise<void> {
    const { GROUP_JOIN, CRASH } = consumer.events
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(GROUP_JOIN, ({ payload: { memberAssignment } }) => {
        if (consumer !== this.#consumer?.consumer) return
        consumer.pause(Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions })))
        this.#assignment = memberAssignment[this.topics[0] as string] ?? []
        this.#publisher.keep(new Set(this.#assignment))
        this.#assigned()
        resolve()
      })
      consumer.on(CRASH, ({ payload: { error } }) => {
        if (consumer !== this.#consumer?.consumer) return
        this.#crash = error
        reject(error)
      })
    })
    joined.catch(() => {}) // whoever waits for it is told
    return joined
  }

  #assigned(provenAt = performance.now()): void {
    this.#state = 'member'
    this.#provenAt = provenAt
    this.#holdings.assign(this.#assignment, this.#identity.current)
    this.#member.assigned(this.#assignment)
  }

  /** kafkajs has given up: nobody heartbeats any more. Join again until it works, or until only people can help. */
  async #rejoin(cause: Error): Promise<void> {
    if (this.#isRejoining) return
    this.#isRejoining = true
    this.#consumer?.end() // it is of no use any more
    this.#consumer = undefined
    this.#lose()
    this.#identity.forget()
    try {
      await this.#joinAgain(groupError(this.group, cause), Number.POSITIVE_INFINITY)
    } catch (error) {
      this.#crash = undefined
      if (!this.#isLeaving) this.#member.failed(error as Error)
    } finally {
      this.#isRejoining = false
    }
  }

  /** Tries until it works, until time is over, or until only people can help. */
  async #joinAgain(failure: JoineryError | undefined, until: number): Promise<void> {
    let error = failure
    for (let wait = FIRST_REJOIN_MS; !this.#isLeaving; wait = Math.min(wait * 2, LAST_REJOIN_MS)) {
      if (error !== undefined) {
        if (!error.retriable || performance.now() > until) throw error
        this.#options.retrying(error)
        await new Promise((resolve) => setTimeout(resolve, wait))
        if (this.#isLeaving) return
      }
      try {
        await this.#join()
        // it may have been told to leave meanwhile, without a consumer that could
        if (this.#isLeaving) await this.#consumer?.end()
        return
      } catch (reason) {
        error = reason as JoineryError
      }
    }
  }

  /** Looks after what kafkajs does: it heartbeats by the wall clock; should that step back, or kafkajs stand still, we do it ourselves. */
  #beat(): void {
    const now = performance.now()
    const { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs } = this.#options
    if (this.#isRejoining) return
    if (this.#crash !== undefined) {
      this.#rejoin(this.#crash)
      return
    }
    if (this.#state === 'member' && now - this.#provenAt > (sessionTimeoutMs * 2) / 3) this.#lose()
    if (this.#state !== 'member' && now - this.#outSince > sessionTimeoutMs + rebalanceTimeoutMs) {
      this.#outSince = now
      this.#rejoin(new Error('kafkajs did not join the group again'))
      return
    }
    if (this.#isBeating || this.#state === 'joining') return
    if (this.#state === 'member' && now - this.#provenAt < heartbeatMs * 2) return
    this.#isBeating = true
    this.verify().finally(() => {
      this.#isBeating = false
    })
  }

  /**
   * What the group answers counts from when it was asked. A member that was given up as lost may turn out not to be. And
   * kafkajs does not heartbeat while it joins: when it does so again, it has joined in vain, because the coordinator was
   * being loaded, and goes on as the member that it was.
   */
  #proven(sentAt: number): void {
    if (this.#isLeaving) return
    this.#provenAt = Math.max(this.#provenAt, sentAt)
    const hasJoinedInVain = this.#state === 'joining' && sentAt > this.#handedOverAt
    if (this.#state === 'lost' || hasJoinedInVain) this.#assigned(this.#provenAt)
  }

  #lose(): void {
    if (this.#state === 'lost' || this.#isLeaving) return
    this.#state = 'lost'
    this.#outSince = performance.now()
    this.#holdings.lose()
    this.#member.lost()
  }

  /** @param isCurrent whether the consumer has not been replaced: its last join may go on for a while beside the next one's */
  #assigner(cluster: Cluster, isCurrent: () => boolean): ReturnType<typeof stickyAssigner> {
    const internal = cluster as unknown as InternalCluster & {
      findTopicPartitionMetadata(topic: string): readonly unknown[]
    }
    requireFunctions('cluster', internal, ['findGroupCoordinator', 'findTopicPartitionMetadata'])
    const find = internal.findGroupCoordinator.bind(internal)
    internal.findGroupCoordinator = async (request) => {
      if (!isCurrent()) throw new JoineryError('TASK_LOST', `a consumer of group ${this.group} was replaced`)
      if (request.groupId === this.group) await this.#revoke()
      const coordinator = await find(request)
      this.#identity.watch(coordinator as unknown as InternalCoordinator, isCurrent)
      return coordinator
    }
    return stickyAssigner(
      (topic) => internal.findTopicPartitionMetadata(topic).length,
      () => this.#member.ownedTasks(),
    )
  }

  /** kafkajs looks for the coordinator before each join: the one place where it can be made to wait. Never throws. */
  async #revoke(): Promise<void> {
    this.#handedOverAt = Number.POSITIVE_INFINITY
    await this.#handOver()
    this.#handedOverAt = performance.now()
  }

  async #handOver(): Promise<void> {
    const { sessionTimeoutMs, heartbeatMs } = this.#options
    const wasMember = this.#state === 'member'
    if (this.#state !== 'joining') this.#outSince = performance.now()
    this.#state = 'joining'
    const held = this.#member.ownedTasks()
    if (!wasMember || held.length === 0) return
    // its answer says that a rebalance is under way, which we know; it keeps the member in the group
    const beating = setInterval(() => {
      this.#identity.heartbeat().catch(() => {})
    }, heartbeatMs)
    try {
      const revoked = this.#member.revoked(held).then(() => this.#publisher.flush())
      await Promise.race([revoked, after(sessionTimeoutMs / 2)])
    } catch (error) {
      this.#member.failed(error as Error)
    } finally {
      clearInterval(beating)
    }
  }
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
