import { JoineryError } from '@joinery/core'
import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { ApiRequest } from '../protocol/api.js'
import { CODE, isCoordinatorMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { decodeOffsetCommitResponse, encodeOffsetCommitRequest } from '../protocol/offset-commit.js'
import { decodeOffsetFetchResponse, encodeOffsetFetchRequest } from '../protocol/offset-fetch.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import type { Holding, MemberGeneration } from './holdings.js'
import type { KafkaGroup } from './kafka-group.js'

const LANE = 'group'
const RETRY_MS = 100
const TRIES = 100
/** Brokers take offsets from nobody in particular as long as a group has no members. */
const ANYBODY: MemberGeneration = { memberId: '', generationId: -1 }

type Offsets = ReadonlyMap<string, OffsetAndMetadata>

/** Positions as offsets of the application's group, saved in the name of the member that has the task. */
export class GroupOffsets implements LogOffsets {
  readonly #cluster: KafkaCluster
  readonly #group: KafkaGroup
  /** Who has opened a task last: the group tells members apart, and not two owners in one. */
  readonly #latest = new Map<string, symbol>()

  constructor(cluster: KafkaCluster, group: KafkaGroup) {
    this.#cluster = cluster
    this.#group = group
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskOffsets> {
    const memberships = this.#group.membershipsOf(application)
    const owner = memberships.find((membership) => membership.holding(task) !== undefined)
    const holding: Holding | undefined = memberships.length === 0 ? { member: ANYBODY } : owner?.holding(task)
    if (holding === undefined)
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
        this.#latest.get(id) === own ? this.#commit(application, task, holding, offsets) : 'fenced',
    }
  }

  /** @param topics all that the group has offsets of, if left out */
  async #fetch(group: string, task: number, topics: readonly string[] | undefined): Promise<Offsets> {
    const request = encodeOffsetFetchRequest({
      groupId: group,
      topics: topics?.map((name) => ({ name, partitionIndexes: [task] })) ?? null,
    })
    const found = new Map<string, OffsetAndMetadata>()
    await this.#ask(group, request, (reader) => {
      const response = decodeOffsetFetchResponse(reader)
      const partitions = response.topics.flatMap(({ name, partitions }) =>
        partitions.map((each) => ({ name, ...each })),
      )
      for (const { name, partitionIndex, committedOffset, metadata } of partitions)
        if (partitionIndex === task && committedOffset >= 0)
          found.set(name, { offset: committedOffset, metadata: metadata ?? '' })
      return [response.errorCode, ...partitions.map(({ errorCode }) => errorCode)]
    })
    return found
  }

  async #commit(group: string, task: number, { member }: Holding, offsets: Offsets): Promise<'saved' | 'fenced'> {
    if (member === undefined) return 'fenced'
    const request = encodeOffsetCommitRequest({
      groupId: group,
      generationId: member.generationId,
      memberId: member.memberId,
      topics: Array.from(offsets, ([name, { offset, metadata }]) => ({
        name,
        partitions: [{ partitionIndex: task, committedOffset: offset, committedMetadata: metadata }],
      })),
    })
    try {
      await this.#ask(group, request, (reader) =>
        decodeOffsetCommitResponse(reader).topics.flatMap(({ partitions }) =>
          partitions.map(({ errorCode }) => errorCode),
        ),
      )
      return 'saved'
    } catch (error) {
      if (error instanceof ProtocolError && EXPELLED.has(error.code)) return 'fenced'
      throw error
    }
  }

  /** Asks the coordinator, and the next one if it has moved; the same may be said twice. */
  async #ask(
    group: string,
    request: ApiRequest,
    codesOf: (response: ResponseReader) => readonly number[],
  ): Promise<void> {
    for (let tries = 1; ; tries++) {
      const node = await this.#cluster.coordinatorOf('group', group)
      const codes = codesOf(await this.#cluster.request(node, LANE, request))
      const code = codes.find((each) => each !== CODE.NONE)
      if (code === undefined) return
      if (!isCoordinatorMoved(code) || tries === TRIES) throw offsetError(code, request.api.name, group)
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

const EXPELLED: ReadonlySet<number> = new Set<number>([CODE.ILLEGAL_GENERATION, CODE.UNKNOWN_MEMBER_ID])

function offsetError(code: number, what: string, group: string): Error {
  if (isUnauthorized(code)) return notAuthorized('keep offsets in', `group ${group}`, code)
  if (code === CODE.OFFSET_METADATA_TOO_LARGE)
    return new JoineryError(
      'RECORD_TOO_LARGE',
      `the brokers do not take the totals of a pipeline beside an offset of group ${group}: raise their offset.metadata.max.bytes, or give joins shorter names`,
    )
  return new ProtocolError(code, `${what} of group ${group}`)
}
