import { isJoineryError, JoineryError } from '@joinery/core'
import { exponentialBackoff, retry, settledWithin } from '../connection/retry.js'
import { GroupConsumer } from '../kafkajs/group-consumer.js'
import { groupError } from './group-errors.js'
import type { GroupOptions } from './group-options.js'
import type { MemberGeneration } from './member-generation.js'
import { stickyAssigner } from './sticky-assigner.js'

const FIRST_REJOIN_MS = 200
const LAST_REJOIN_MS = 5_000
const LEAVE_MS = 5_000

/** The parts of a membership that its joiner uses. */
export interface JoinerParts {
  readonly group: string
  readonly topics: readonly string[]
  readonly options: GroupOptions
  readonly generation: MemberGeneration
  /** Aborts when the membership ends. */
  readonly signal: AbortSignal
  /** Runs before each attempt of kafkajs to join, which waits for it. */
  readonly beforeJoin: () => Promise<void>
  readonly assigned: (tasks: readonly number[]) => void
  readonly ownedTasks: () => readonly number[]
}

/** Joins a group with one kafkajs consumer after another. Only the latest is current. */
export class GroupJoiner {
  readonly #parts: JoinerParts
  #consumer: GroupConsumer | undefined
  #crash: Error | undefined

  constructor(parts: JoinerParts) {
    this.#parts = parts
  }

  /** The error with which kafkajs gave up on the current consumer. */
  get crash(): Error | undefined {
    return this.#crash
  }

  /**
   * Tries to join until it succeeds, the time is over, or an error is not retriable.
   *
   * @param until in monotonic milliseconds
   * @param crash the error with which kafkajs gave up on the previous consumer: it counts as a failed first attempt
   * @throws JoineryError; `LOG_CLOSED` once the membership has ended
   */
  async join(until: number, crash?: Error): Promise<void> {
    const { group, options, signal } = this.#parts
    const { clock, retries } = options
    const what = `join group ${group}`
    const backoff = exponentialBackoff(FIRST_REJOIN_MS, LAST_REJOIN_MS)
    const attempt = (count: number) =>
      crash !== undefined && count === 1 ? Promise.reject(groupError(group, crash)) : this.#attempt()
    await retry(attempt, {
      clock,
      signal,
      maxAttempts: Number.POSITIVE_INFINITY,
      isRetriable: (error) => isJoineryError(error) && error.retriable && clock.monotonic() <= until,
      delayMs: (_error, count) => backoff(count),
      onRetry: (error) => retries.report(what, error),
    }).finally(() => retries.end(what))
  }

  /** Makes the current consumer leave, waits for that for a limited time, and closes its connections. Never rejects. */
  async end(): Promise<void> {
    const consumer = this.#consumer
    this.#consumer = undefined
    if (consumer === undefined) return
    await settledWithin(this.#parts.options.clock, LEAVE_MS, consumer.leave())
    consumer.endConnections()
  }

  async #attempt(): Promise<void> {
    const { group, topics, options } = this.#parts
    this.#crash = undefined
    try {
      await options.check(group)
      this.#failIfEnded()
      const consumer = this.#newConsumer()
      this.#consumer = consumer
      await consumer.join(topics)
      this.#failIfEnded()
    } catch (error) {
      this.end()
      throw groupError(group, error)
    }
  }

  #newConsumer(): GroupConsumer {
    const { group, topics, options, generation, beforeJoin, assigned, ownedTasks } = this.#parts
    const { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatIntervalMs } = options
    const isCurrent = (): boolean => this.#consumer === consumer
    const consumer: GroupConsumer = new GroupConsumer(
      { groupId: group, sessionTimeoutMs, rebalanceTimeoutMs, heartbeatIntervalMs, kafka: options.kafka() },
      {
        isCurrent,
        beforeJoin: async () => {
          if (!isCurrent()) throw new JoineryError('TASK_LOST', `a consumer of group ${group} was replaced`)
          await beforeJoin()
        },
        coordinatorFound: (coordinator) => generation.watch(coordinator, isCurrent),
        assigned: (assignment) => assigned(assignment[topics[0] as string] ?? []),
        crashed: (error) => {
          this.#crash = error
        },
        assigner: (partitionsOf) => stickyAssigner(partitionsOf, ownedTasks),
      },
    )
    return consumer
  }

  #failIfEnded(): void {
    const { group, signal } = this.#parts
    if (signal.aborted) throw new JoineryError('LOG_CLOSED', `the membership in group ${group} has ended`)
  }
}
