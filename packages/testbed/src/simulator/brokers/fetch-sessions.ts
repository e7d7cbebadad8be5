import type { ReceivedRequestOf, SentResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import type { FETCH } from '../../../../kafkajs/src/protocol/fetch.js'

type Request = ReceivedRequestOf<typeof FETCH>
type PartitionResponse = NonNullable<SentResponseOf<typeof FETCH>['responses'][number]['partitions'][number]>

/** A partition to read. */
export type FetchedPartition = Request['topics'][number]['partitions'][number] & { readonly topic: string }

/** The response for one partition. */
export interface TopicResponse {
  readonly topic: string
  readonly partitions: readonly [PartitionResponse]
}

/** What a request is for, as KIP-227 calls it. */
export interface FetchContext {
  readonly partitions: readonly FetchedPartition[]
  /** @returns the session, and what of the responses is sent */
  respond(responses: readonly TopicResponse[]): {
    readonly sessionId: number
    readonly responses: readonly TopicResponse[]
  }
}

interface Session {
  readonly id: number
  /** The epoch of the next request. */
  epoch: number
  /** In the order in which a response is filled. */
  readonly partitions: Map<string, { at: FetchedPartition; highWatermark: number }>
}

/** So few that brokers end sessions to make room for others. */
const SLOTS = 6
const UNKNOWN = -1
const FULL_EPOCH = 0
const FINAL_EPOCH = -1

/** The fetch sessions of a broker (KIP-227). They are lost with it; the oldest makes room for a new one. */
export class FetchSessions {
  readonly #sessions = new Map<number, Session>()
  #lastId = 0

  clear(): void {
    this.#sessions.clear()
  }

  /** @returns the context of a request, or an error code */
  contextOf({ sessionId, sessionEpoch, topics, forgottenTopicsData }: Request): FetchContext | number {
    const requested = topics.flatMap(({ topic, partitions }) => partitions.map((each) => ({ topic, ...each })))
    if (sessionEpoch === FULL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#sessions.delete(sessionId)
      if (sessionEpoch === FINAL_EPOCH)
        return { partitions: requested, respond: (responses) => ({ sessionId: 0, responses }) }
      return { partitions: requested, respond: (responses) => this.#begin(requested, responses) }
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return CODE.FETCH_SESSION_ID_NOT_FOUND
    if (session.epoch !== sessionEpoch) return CODE.INVALID_FETCH_SESSION_EPOCH
    session.epoch++
    for (const at of requested) {
      const known = session.partitions.get(nameOf(at))
      if (known === undefined) session.partitions.set(nameOf(at), { at, highWatermark: UNKNOWN })
      else known.at = at
    }
    for (const { topic, partitions } of forgottenTopicsData)
      for (const partition of partitions) session.partitions.delete(nameOf({ topic, partition }))
    return {
      partitions: Array.from(session.partitions.values(), ({ at }) => at),
      respond: (responses) => ({ sessionId, responses: responses.filter((each) => hasNews(session, each)) }),
    }
  }

  #begin(
    requested: readonly FetchedPartition[],
    responses: readonly TopicResponse[],
  ): ReturnType<FetchContext['respond']> {
    if (this.#sessions.size === SLOTS) this.#sessions.delete(this.#sessions.keys().next().value as number)
    const session: Session = { id: ++this.#lastId, epoch: FULL_EPOCH + 1, partitions: new Map() }
    this.#sessions.set(session.id, session)
    for (const at of requested) session.partitions.set(nameOf(at), { at, highWatermark: UNKNOWN })
    for (const each of responses) hasNews(session, each)
    return { sessionId: session.id, responses }
  }
}

/** @returns whether a partition belongs into the response; those with records come last in the next one */
function hasNews({ partitions }: Session, { topic, partitions: [response] }: TopicResponse): boolean {
  const { partitionIndex: partition, errorCode, divergingEpoch, highWatermark, records } = response
  const name = nameOf({ topic, partition })
  const known = partitions.get(name)
  if (known === undefined) return false
  const hasRecords = (records?.length ?? 0) > 0
  const isRefused = errorCode !== CODE.NONE || divergingEpoch !== undefined
  const isNew = hasRecords || isRefused || Number(highWatermark) !== known.highWatermark
  known.highWatermark = isRefused ? UNKNOWN : Number(highWatermark)
  if (hasRecords) {
    partitions.delete(name)
    partitions.set(name, known)
  }
  return isNew
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}[${partition}]`
