import { JoineryError } from '@joinery/core'
import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '@joinery/core/log'
import { Coordinator } from '../connection/coordinator.js'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { retry } from '../connection/retry.js'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { CODE, isCoordinatorMoved, isUnauthorized } from '../protocol/error-codes.js'
import { OFFSET_COMMIT } from '../protocol/offset-commit.js'
import { fetchedOffsets, OFFSET_FETCH, offsetFetchRequest } from '../protocol/offset-fetch.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import type { KafkaGroup } from './kafka-group.js'
import type { Generation, OwnedPartition } from './owned-partitions.js'

const CHANNEL = 'group'
const RETRY_MS = 100
const MAX_ATTEMPTS = 100
/** Brokers accept offsets with these values as long as a group has no members. */
const NO_MEMBER: Generation = { memberId: '', generationId: -1 }

type Offsets = ReadonlyMap<string, OffsetAndMetadata>

/** Positions as offsets of the application's group, committed in the name of the member that owns the task. */
export class GroupOffsets implements LogOffsets {
  readonly #cluster: KafkaCluster
  readonly #group: KafkaGroup
  readonly #coordinators = new Map<string, Coordinator>()
  /** The latest owner of each task in this process: the group distinguishes members, not owners within one. */
  readonly #latest = new Map<string, symbol>()

  constructor(cluster: KafkaCluster, group: KafkaGroup) {
    this.#cluster = cluster
    this.#group = group
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskOffsets> {
    const memberships = this.#group.membershipsOf(application)
    const owner = memberships.find((membership) => membership.owned(task) !== undefined)
    const partition: OwnedPartition | undefined =
      memberships.length === 0 ? { generation: NO_MEMBER } : owner?.owned(task)
    if (partition === undefined)
      throw new JoineryError('TASK_LOST', `group ${application} has not assigned task ${task} to this member`, {
        retriable: true,
        partition: task,
      })
    const id = `${application}/${task}`
    const own = Symbol(id)
    this.#latest.set(id, own)
    return {
      saved: await this.#fetch(application, task, owner?.topics),
      save: async (offsets) =>
        this.#latest.get(id) === own ? this.#commit(application, task, partition, offsets) : 'fenced',
    }
  }

  /** @param topics default: all topics of which the group has offsets */
  async #fetch(group: string, task: number, topics: readonly string[] | undefined): Promise<Offsets> {
    const wanted = topics?.map((name) => ({ name, partitionIndexes: [task] })) ?? null
    return this.#request(group, OFFSET_FETCH, offsetFetchRequest(group, wanted), (all) => {
      const response = fetchedOffsets(all)
      const offsets = new Map<string, OffsetAndMetadata>()
      const errorCodes = [response.errorCode]
      for (const { name, partitions } of response.topics) {
        for (const { partitionIndex, committedOffset, metadata, errorCode } of partitions) {
          errorCodes.push(errorCode)
          if (partitionIndex === task && committedOffset >= 0)
            offsets.set(name, { offset: committedOffset, metadata: metadata ?? '' })
        }
      }
      return { result: offsets, errorCodes }
    })
  }

  async #commit(
    group: string,
    task: number,
    { generation }: OwnedPartition,
    offsets: Offsets,
  ): Promise<'saved' | 'fenced'> {
    if (generation === undefined) return 'fenced'
    const request = {
      groupId: group,
      generationIdOrMemberEpoch: generation.generationId,
      memberId: generation.memberId,
      topics: Array.from(offsets, ([name, { offset, metadata }]) => ({
        name,
        partitions: [{ partitionIndex: task, committedOffset: offset, committedMetadata: metadata }],
      })),
    }
    try {
      return await this.#request(group, OFFSET_COMMIT, request, ({ topics }) => {
        const errorCodes = topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
        return { result: 'saved' as const, errorCodes }
      })
    } catch (error) {
      if (error instanceof ProtocolError && EXPELLED.has(error.code)) return 'fenced'
      throw error
    }
  }

  /** Sends a request to the coordinator, and again if it has moved; both requests may be repeated. */
  async #request<A extends Api, T>(
    group: string,
    api: A,
    request: RequestOf<A>,
    outcome: (response: ResponseOf<A>) => { readonly result: T; readonly errorCodes: readonly number[] },
  ): Promise<T> {
    const coordinator = this.#coordinatorOf(group)
    return retry(
      async () => {
        const { result, errorCodes } = outcome(await coordinator.request(CHANNEL, api, request))
        const errorCode = errorCodes.find((each) => each !== CODE.NONE)
        if (errorCode === undefined) return result
        if (isCoordinatorMoved(errorCode)) coordinator.forget()
        throw offsetError(errorCode, api.name, group)
      },
      {
        clock: this.#cluster.clock,
        signal: this.#cluster.closed,
        maxAttempts: MAX_ATTEMPTS,
        isRetriable: (error) => error instanceof ProtocolError && isCoordinatorMoved(error.code),
        delayMs: () => RETRY_MS,
      },
    )
  }

  #coordinatorOf(group: string): Coordinator {
    const coordinator = this.#coordinators.get(group) ?? new Coordinator(this.#cluster, 'group', group)
    this.#coordinators.set(group, coordinator)
    return coordinator
  }
}

const EXPELLED: ReadonlySet<number> = new Set<number>([CODE.ILLEGAL_GENERATION, CODE.UNKNOWN_MEMBER_ID])

function offsetError(code: number, api: string, group: string): Error {
  if (isUnauthorized(code)) return notAuthorized('commit offsets of', `group ${group}`, code)
  if (code === CODE.OFFSET_METADATA_TOO_LARGE)
    return new JoineryError(
      'RECORD_TOO_LARGE',
      `the totals of a pipeline exceed the offset metadata that the brokers accept for group ${group}: raise their offset.metadata.max.bytes, or give joins shorter names`,
    )
  return new ProtocolError(code, `${api} of group ${group}`)
}
