import type { Clock } from '@joinery/core'
import type { InternalCoordinator } from '../kafkajs/internals.js'
import { watchCoordinator } from '../kafkajs/watch-coordinator.js'
import type { Offsets } from './offset-publisher.js'
import type { Generation } from './owned-partitions.js'

/** A generation, and its coordinator. */
interface KnownGeneration extends Generation {
  readonly coordinator: InternalCoordinator
}

/** Is notified of the outcome of heartbeats. */
export interface GenerationListener {
  /** The group has accepted a heartbeat. `sentAt` is in monotonic milliseconds. */
  heartbeatAccepted(sentAt: number): void
  /** This process is no longer a member of the group. */
  expelled(): void
}

/** The identity of this member in the current generation of its group, taken from the requests of kafkajs. */
export class MemberGeneration {
  readonly #group: string
  readonly #clock: Clock
  readonly #listener: GenerationListener
  readonly #watched = new WeakSet<InternalCoordinator>()
  #current: KnownGeneration | undefined

  constructor(group: string, clock: Clock, listener: GenerationListener) {
    this.#group = group
    this.#clock = clock
    this.#listener = listener
  }

  /** The current generation; a new object for each. */
  get current(): Generation | undefined {
    return this.#current
  }

  forget(): void {
    this.#current = undefined
  }

  /** Sends a heartbeat now. The listener is called with its outcome, too. */
  async heartbeat(): Promise<void> {
    const generation = this.#current
    if (generation !== undefined) await generation.coordinator.heartbeat(this.#request(generation))
  }

  /** Follows the requests to a coordinator, as long as the consumer that sends them is the current one. */
  watch(coordinator: InternalCoordinator, isCurrent: () => boolean): void {
    if (this.#watched.has(coordinator)) return
    this.#watched.add(coordinator)
    watchCoordinator(coordinator, {
      synced: ({ memberId, generationId }) => {
        if (isCurrent()) this.#current = { coordinator, memberId, generationId }
      },
      heartbeat: async ({ memberId, groupGenerationId }, send) => {
        const generation = this.#current
        const sentAt = this.#clock.monotonic()
        const isMine = generation?.memberId === memberId && generation.generationId === groupGenerationId
        try {
          const response = await send()
          if (isMine && generation === this.#current) this.#listener.heartbeatAccepted(sentAt)
          return response
        } catch (error) {
          if (isMine && generation === this.#current && isExpelled(error)) this.#listener.expelled()
          throw error
        }
      },
    })
  }

  /** Commits offsets in the name of this member and generation. */
  async commitOffsets(offsets: Offsets): Promise<void> {
    const generation = this.#current
    if (generation === undefined) throw new Error('not a member')
    const topics = Array.from(offsets, ([topic, partitions]) => ({
      topic,
      partitions: Array.from(partitions, ([partition, offset]) => ({ partition, offset: String(offset) })),
    })).filter(({ partitions }) => partitions.length > 0)
    if (topics.length > 0) await generation.coordinator.offsetCommit({ ...this.#request(generation), topics })
  }

  #request({ memberId, generationId }: Generation): Parameters<InternalCoordinator['heartbeat']>[0] {
    return { groupId: this.#group, groupGenerationId: generationId, memberId }
  }
}

/** Whether an error of the group means that this process is no longer a member. */
export const isExpelled = (error: unknown): boolean => EXPELLED.has((error as { readonly type?: string }).type ?? '')

const EXPELLED: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])
