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
}

/** The response of a broker for one partition. */
export interface Answer {
  readonly records?: Buffer
  readonly code?: number
  readonly stableEnd?: number
  /** The replica that the leader names; none: -1. */
  readonly preferred?: number
  readonly aborted?: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
}

/** Brokers whose responses to Fetch requests a test determines. */
export class ScriptedBrokers {
  /** The versions that all brokers support. */
  versions: BrokerVersions = versionsOf('4.3')
  readonly requests: (readonly Asked[])[] = []
  readonly refreshed: string[] = []
  /** The largest `max_bytes` of all requests. */
  maxBytes = 0
  answer: (asked: readonly Asked[]) => Promise<ReadonlyMap<Asked, Answer>> | ReadonlyMap<Asked, Answer>
  leaderOf: (topic: string, partition: number) => number | Promise<number> = () => 1

  constructor(answer: ScriptedBrokers['answer']) {
    this.answer = answer
  }

  get cluster(): KafkaCluster {
    return {
      clock: systemClock,
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
      partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => ({
        leader,
        topic,
        partition,
        offset: fetchOffset,
        maxBytes: partitionMaxBytes,
      })),
    )
  }
}

const responses = (
  asked: readonly Asked[],
  answers: ReadonlyMap<Asked, Answer>,
): SentResponseOf<typeof FETCH>['responses'] =>
  asked.map((each) => {
    const { records = Buffer.alloc(0), code = 0, stableEnd = 0, aborted = [], preferred = -1 } = answers.get(each) ?? {}
    return {
      topic: each.topic,
      partitions: [
        {
          partitionIndex: each.partition,
          errorCode: code,
          highWatermark: stableEnd,
          lastStableOffset: stableEnd,
          abortedTransactions: aborted,
          preferredReadReplica: preferred,
          records,
        },
      ],
    }
  })
