import { ManualClock } from '@joinery/core/testing'
import type { Api } from '../../src/protocol/api.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import { JOIN_GROUP } from '../../src/protocol/join-group.js'
import { LEAVE_GROUP } from '../../src/protocol/leave-group.js'
import { OFFSET_COMMIT } from '../../src/protocol/offset-commit.js'
import { SYNC_GROUP } from '../../src/protocol/sync-group.js'
import { type Handler, on } from '../support/carry.js'
import { GroupCoordinator, joinError, syncResponse } from './group-coordinator.js'

export type ApiName = 'JoinGroup' | 'SyncGroup' | 'Heartbeat' | 'LeaveGroup' | 'OffsetCommit'

/** A response, or the one that the coordinator holds back. */
type Response = ReturnType<Handler<Api>> | Promise<ReturnType<Handler<Api>>>

/** Brokers, one of which is the coordinator of a group. */
export class FakeBrokers {
  readonly clock: ManualClock = new ManualClock(0)
  group: GroupCoordinator = new GroupCoordinator(this.clock, () => this.#newId())
  /** The coordinator's node. */
  node = 1
  partitions = 4
  /** The requests that brokers have processed: node, member, API. */
  readonly log: string[] = []
  /** The requests of that kind. */
  readonly requests: { readonly api: string; readonly request: Record<string, unknown> }[] = []
  readonly #frozen = new Map<number, Promise<void>>()
  readonly #thaw = new Map<number, () => void>()
  readonly #codes = new Map<string, number[]>()
  #ids = 0

  /** The coordinator's next responses to requests of one kind; 0: none of these codes. */
  respond(api: ApiName, ...codes: readonly (keyof typeof CODE)[]): void {
    this.#codes.set(
      api,
      codes.map((code) => CODE[code]),
    )
  }

  /** Another broker becomes the coordinator, with the stored state of this one. */
  move(): void {
    const { stored } = this.group
    this.node++
    this.group.unload()
    this.group = new GroupCoordinator(this.clock, () => this.#newId(), stored)
  }

  /** A broker no longer responds. */
  freeze(node: number = this.node): void {
    if (this.#frozen.has(node)) return
    this.#frozen.set(node, new Promise((resolve) => this.#thaw.set(node, resolve)))
  }

  thaw(node?: number): void {
    for (const [each, thaw] of this.#thaw) {
      if (node !== undefined && node !== each) continue
      thaw()
      this.#frozen.delete(each)
      this.#thaw.delete(each)
    }
  }

  /** How many requests of one kind the brokers have processed. */
  count(api: ApiName, member = ''): number {
    return this.log.filter((entry) => entry.endsWith(`${member} ${api}`)).length
  }

  /** The last request of a kind. */
  last(api: ApiName): Record<string, unknown> | undefined {
    return this.requests.findLast((each) => each.api === api)?.request
  }

  async process(node: number, member: string, api: Api, request: object): Promise<Awaited<Response>> {
    await this.#frozen.get(node)
    this.log.push(`${node} ${member} ${api.name}`)
    this.requests.push({ api: api.name, request: request as Record<string, unknown> })
    const scripted = this.#codes.get(api.name)?.shift() ?? CODE.NONE
    const code = node === this.node ? scripted : CODE.NOT_COORDINATOR
    return (this.#handlers.get(api.key) as (request: unknown, code: number) => Response)(request, code)
  }

  readonly #handlers: ReadonlyMap<number, unknown> = new Map<number, unknown>([
    handle(JOIN_GROUP, (request, code) => (code === 0 ? this.group.join(request) : joinError(code, ''))),
    handle(SYNC_GROUP, (request, code) => (code === 0 ? this.group.sync(request) : syncResponse(code))),
    handle(HEARTBEAT, (request, code) => ({ errorCode: code === 0 ? this.group.heartbeat(request) : code })),
    handle(LEAVE_GROUP, ({ members }, code) => ({
      errorCode: code,
      members: members.map(({ memberId }) => ({
        ...{ memberId, groupInstanceId: null, errorCode: code === 0 ? this.group.leave(memberId) : code },
      })),
    })),
    handle(OFFSET_COMMIT, ({ memberId, generationIdOrMemberEpoch, topics }, code) => {
      const errorCode = code === 0 ? this.group.commit(memberId, generationIdOrMemberEpoch) : code
      return {
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
        })),
      }
    }),
  ])

  #newId(): string {
    this.#ids++
    return `id-${this.#ids}`
  }
}

const handle = <A extends Api>(
  api: A,
  handler: (
    request: Parameters<Handler<A>>[0],
    code: number,
  ) => ReturnType<Handler<A>> | Promise<ReturnType<Handler<A>>>,
): [number, unknown] => on(api, handler as never)
