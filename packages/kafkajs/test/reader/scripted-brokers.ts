import { systemClock } from '@joinery/core'
import type { BrokerVersions } from '../../src/connection/broker-versions.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { ReceivedRequestOf, RequestOf, SentResponseOf } from '../../src/protocol/api.js'
import { type FETCH, ISOLATION_LEVEL } from '../../src/protocol/fetch.js'
import { carry } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'

/** One partition of a Fetch request. */
export interface Asked {
  readonly leader: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
  /** The epoch of what was read before the offset; -1: not known. */
  readonly lastFetchedEpoch: number
  /** The epoch that the leader must have; -1: any. */
  readonly currentLeaderEpoch: number
  /** The rack that the request names; empty: none. */
  readonly rack: string
}

/** The response of a broker for one partition. */
export interface Answer {
  readonly records?: Buffer
  readonly code?: number
  readonly stableEnd?: number
  /** Where the epoch of what was read ends in the log of the broker. */
  readonly epochEnd?: number
  /** The replica that the leader names; none: -1. */
  readonly preferred?: number
  readonly aborted?: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
}

const firstBroker = () => 1

/** Brokers whose responses to Fetch requests a test determines. */
export class ScriptedBrokers {
  /** The versions that all brokers support. */
  versions: BrokerVersions = versionsOf('4.3')
  readonly requests: (readonly Asked[])[] = []
  readonly refreshed: string[] = []
  /** The largest `max_bytes` of all requests. */
  maxBytes = 0
  answer: (asked: readonly Asked[]) => Promise<ReadonlyMap<Asked, Answer>> | ReadonlyMap<Asked, Answer>
  /** The epoch of all leaders in metadata. */
  leaderEpoch = 0
  leaderOf: (topic: string, partition: number) => number | Promise<number> = firstBroker
  /** Brokers that do not respond in time. */
  readonly unresponsive: Set<number> = new Set()

  constructor(answer: ScriptedBrokers['answer']) {
    this.answer = answer
  }

  get cluster(): KafkaCluster {
    return {
      clock: systemClock,
      knownLeaderOf: () => (this.leaderOf === firstBroker ? 1 : undefined),
      knownLeaderEpochOf: () => this.leaderEpoch,
      isResponsive: (node: number) => !this.unresponsive.has(node),
      leaderOf: async (topic: string, partition: number) => this.leaderOf(topic, partition),
      refresh: async (topics: readonly string[]) => {
        this.refreshed.push(...topics)
        return []
      },
      request: async (leader: number, _channel: string, api: typeof FETCH, sent: RequestOf<typeof FETCH>) => {
        const { request, respond } = carry(this.versions, api, sent)
        const asked = this.#parse(leader, request)
        this.requests.push(asked)
        return respond({ errorCode: 0, responses: responses(asked, await this.answer(asked)) })
      },
    } as unknown as KafkaCluster
  }

  #parse(leader: number, request: ReceivedRequestOf<typeof FETCH>): Asked[] {
    if (request.isolationLevel !== ISOLATION_LEVEL.readCommitted) throw new Error('not read committed')
    this.maxBytes = Math.max(this.maxBytes, request.maxBytes)
    return request.topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, fetchOffset, partitionMaxBytes, lastFetchedEpoch, currentLeaderEpoch }) => ({
        leader,
        topic,
        partition,
        offset: fetchOffset,
        maxBytes: partitionMaxBytes,
        lastFetchedEpoch,
        currentLeaderEpoch,
        rack: request.rackId,
      })),
    )
  }
}

const responses = (
  asked: readonly Asked[],
  answers: ReadonlyMap<Asked, Answer>,
): SentResponseOf<typeof FETCH>['responses'] =>
  asked.map((each) => {
    const { records = Buffer.alloc(0), code = 0, stableEnd = 0, aborted = [] } = answers.get(each) ?? {}
    const { preferred = -1, epochEnd = -1 } = answers.get(each) ?? {}
    return {
      topic: each.topic,
      partitions: [
        {
          partitionIndex: each.partition,
          errorCode: code,
          highWatermark: stableEnd,
          lastStableOffset: stableEnd,
          divergingEpoch: { epoch: epochEnd < 0 ? -1 : 0, endOffset: epochEnd },
          abortedTransactions: aborted,
          preferredReadReplica: preferred,
          records,
        },
      ],
    }
  })
