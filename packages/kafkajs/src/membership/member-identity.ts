import type { InternalCoordinator } from '../kafkajs/internals.js'
import { requireFunctions } from '../kafkajs/require-functions.js'
import type { MemberGeneration } from './holdings.js'
import type { Offsets } from './offset-publisher.js'

/** A member in one generation of its group, and whom it asks. */
export interface Identity extends MemberGeneration {
  readonly coordinator: InternalCoordinator
}

/** Who is told what the group answers. */
export interface IdentityListener {
  /** A heartbeat that was sent then was answered well. */
  proven(sentAt: number): void
  /** The group does not know this member any more. */
  expelled(): void
}

/** Who this member is in the group: kafkajs shows it only in the requests that it sends. */
export class MemberIdentity {
  readonly #group: string
  readonly #listener: IdentityListener
  readonly #watched = new WeakSet<InternalCoordinator>()
  #current: Identity | undefined

  constructor(group: string, listener: IdentityListener) {
    this.#group = group
    this.#listener = listener
  }

  /** In the present generation; another object in each. */
  get current(): Identity | undefined {
    return this.#current
  }

  forget(): void {
    this.#current = undefined
  }

  /** Sends one now. Its answer is also what the listener is told. */
  async heartbeat(): Promise<void> {
    const identity = this.#current
    if (identity !== undefined) await identity.coordinator.heartbeat(this.#request(identity))
  }

  /**
   * Takes identities from the requests to a coordinator, and what it answers to heartbeats, kafkajs' own too; as long as
   * the consumer that asks is the current one.
   */
  watch(coordinator: InternalCoordinator, isCurrent: () => boolean): void {
    if (this.#watched.has(coordinator)) return
    this.#watched.add(coordinator)
    requireFunctions('broker', coordinator, ['syncGroup', 'heartbeat', 'offsetCommit'])
    const sync = coordinator.syncGroup.bind(coordinator)
    coordinator.syncGroup = async (request) => {
      const answer = await sync(request)
      if (isCurrent()) this.#current = { coordinator, memberId: request.memberId, generationId: request.generationId }
      return answer
    }
    const beat = coordinator.heartbeat.bind(coordinator)
    coordinator.heartbeat = async (request) => {
      const identity = this.#current
      const sentAt = performance.now()
      const isMine = identity?.memberId === request.memberId && identity.generationId === request.groupGenerationId
      try {
        const answer = await beat(request)
        if (isMine && identity === this.#current) this.#listener.proven(sentAt)
        return answer
      } catch (error) {
        if (isMine && identity === this.#current && isExpelled(error)) this.#listener.expelled()
        throw error
      }
    }
  }

  /** Tells the group offsets in the name of this member and generation. */
  async commitOffsets(offsets: Offsets): Promise<void> {
    const identity = this.#current
    if (identity === undefined) throw new Error('not a member')
    const topics = Array.from(offsets, ([topic, partitions]) => ({
      topic,
      partitions: Array.from(partitions, ([partition, offset]) => ({ partition, offset: String(offset) })),
    })).filter(({ partitions }) => partitions.length > 0)
    if (topics.length > 0) await identity.coordinator.offsetCommit({ ...this.#request(identity), topics })
  }

  #request({ memberId, generationId }: Identity): {
    groupId: string
    groupGenerationId: number
    memberId: string
  } {
    return { groupId: this.#group, groupGenerationId: generationId, memberId }
  }
}

/** Whether an answer says that the member is none any more. */
export const isExpelled = (error: unknown): boolean => EXPELLED.has((error as { readonly type?: string }).type ?? '')

const EXPELLED: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'])
