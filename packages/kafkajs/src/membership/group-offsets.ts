import { JoineryError } from '@joinery/core'
import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { CODE, isCoordinatorMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import type { Holding, MemberGeneration } from './holdings.js'
import type { KafkaGroup } from './kafka-group.js'

const OFFSET_COMMIT = { api: 8, version: 5 } as const
const OFFSET_FETCH = { api: 9, version: 4 } as const
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
    const body = new RequestWriter().string(group)
    if (topics === undefined) body.int32(-1)
    else body.array(topics, (topic) => body.string(topic).int32(1).int32(task))
    const found = new Map<string, OffsetAndMetadata>()
    await this.#ask(group, { ...OFFSET_FETCH, parts: [body.take()] }, (response) => {
      response.int32()
      const codes = response.array(() => {
        const topic = response.string() ?? ''
        return response.array(() => {
          const partition = response.int32()
          const offset = response.int64()
          const metadata = response.string() ?? ''
          if (partition === task && offset >= 0) found.set(topic, { offset, metadata })
          return response.int16()
        })
      })
      return [response.int16(), ...codes.flat()]
    })
    return found
  }

  async #commit(group: string, task: number, { member }: Holding, offsets: Offsets): Promise<'saved' | 'fenced'> {
    if (member === undefined) return 'fenced'
    const body = new RequestWriter().string(group).int32(member.generationId).string(member.memberId)
    body.array([...offsets], ([topic, { offset, metadata }]) =>
      body.string(topic).int32(1).int32(task).int64(offset).string(metadata),
    )
    try {
      await this.#ask(group, { ...OFFSET_COMMIT, parts: [body.take()] }, (response) => {
        response.int32()
        return response
          .array(() => {
            response.string()
            return response.array(() => {
              response.int32()
              return response.int16()
            })
          })
          .flat()
      })
      return 'saved'
    } catch (error) {
      if (error instanceof ProtocolError && EXPELLED.has(error.code)) return 'fenced'
      throw error
    }
  }

  /** Asks the coordinator, and the next one if it has moved; the same may be said twice. */
  async #ask(
    group: string,
    request: { readonly api: number; readonly version: number; readonly parts: readonly Buffer[] },
    codesOf: (response: ResponseReader) => readonly number[],
  ): Promise<void> {
    const what = request.api === OFFSET_COMMIT.api ? 'OffsetCommit' : 'OffsetFetch'
    for (let tries = 1; ; tries++) {
      const node = await this.#cluster.coordinatorOf('group', group)
      const codes = codesOf(await this.#cluster.request(node, LANE, request))
      const code = codes.find((each) => each !== CODE.NONE)
      if (code === undefined) return
      if (!isCoordinatorMoved(code) || tries === TRIES) throw offsetError(code, what, group)
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
