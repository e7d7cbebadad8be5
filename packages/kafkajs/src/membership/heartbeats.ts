import { isJoineryError, type Timer } from '@joinery/core'
import type { GroupClient } from './group-client.js'
import { groupError, isExpelled, isRebalance } from './group-errors.js'
import type { GroupOptions } from './group-options.js'
import type { Generation } from './owned-partitions.js'

/** What the group responds to a heartbeat: that the member has to join again, or is no longer one; `failed` if nothing. */
export type HeartbeatResult = 'accepted' | 'rebalancing' | 'expelled' | 'failed'

/** Is called about the heartbeats of one member. */
export interface HeartbeatListener {
  /**
   * Is called at each interval.
   *
   * @returns the generation in which a heartbeat is due, if one is
   */
  due(): Generation | undefined
  /** @param sentAt when the heartbeat was sent, in monotonic milliseconds */
  responded(result: HeartbeatResult, generation: Generation, sentAt: number): void
  /** @param error needs a person, and joining again would not show it */
  failed(error: Error): void
}

/** Sends the heartbeats of one member, one at a time. */
export class Heartbeats {
  readonly #client: GroupClient
  readonly #options: GroupOptions
  readonly #listener: HeartbeatListener
  readonly #group: string
  /** Names the heartbeats in reports. */
  readonly #what: string
  #timer: Timer | undefined
  /** The generation whose heartbeat has no response yet. */
  #awaited: Generation | undefined
  #isStopped = false

  constructor(group: string, client: GroupClient, options: GroupOptions, listener: HeartbeatListener) {
    this.#group = group
    this.#client = client
    this.#options = options
    this.#listener = listener
    this.#what = `heartbeat to group ${group}`
  }

  /** Begins with the first one after an interval. */
  start(): void {
    if (this.#isStopped) return
    this.#timer = this.#options.clock.setTimeout(() => {
      const generation = this.#listener.due()
      if (generation !== undefined && generation !== this.#awaited) this.#sendRegular(generation)
      this.start()
    }, this.#options.heartbeatIntervalMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#options.retries.end(this.#what)
  }

  /** Sends one, and calls the listener before it returns. Never rejects. */
  async send(generation: Generation): Promise<HeartbeatResult> {
    const sentAt = this.#options.clock.monotonic()
    const result = await this.#client.heartbeat(generation).then(
      () => 'accepted' as const,
      (error: unknown) => this.#resultOf(error),
    )
    if (this.#isStopped) return result
    if (result !== 'failed') this.#options.retries.end(this.#what)
    this.#listener.responded(result, generation, sentAt)
    return result
  }

  async #sendRegular(generation: Generation): Promise<void> {
    this.#awaited = generation
    await this.send(generation)
    if (this.#awaited === generation) this.#awaited = undefined
  }

  #resultOf(error: unknown): HeartbeatResult {
    if (isExpelled(error)) return 'expelled'
    if (isRebalance(error)) return 'rebalancing'
    const failure = groupError(this.#group, error)
    // without an ACL joining fails, too, and reports it, unless the ACL is back by then
    if (isJoineryError(failure, 'NOT_AUTHORIZED')) return 'rebalancing'
    if (!failure.retriable) this.#listener.failed(failure)
    else if (!this.#isStopped) this.#options.retries.report(this.#what, error)
    return 'failed'
  }
}
