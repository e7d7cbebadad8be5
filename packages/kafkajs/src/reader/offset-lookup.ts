import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { partitionName } from '../connection/partition-name.js'
import { CODE } from '../protocol/error-codes.js'
import { CONSUMER_REPLICA_ID } from '../protocol/fetch.js'
import { LIST_OFFSETS } from '../protocol/list-offsets.js'
import { ProtocolError } from '../protocol/protocol-error.js'

/** What is looked up of a partition. */
export interface OffsetQuery extends TopicPartition {
  /** One of `OFFSET_SPEC`. */
  readonly timestamp: number
  /** One of `ISOLATION_LEVEL`. */
  readonly isolationLevel: number
}

interface PendingQuery extends OffsetQuery {
  readonly resolve: (offset: number) => void
  readonly reject: (error: unknown) => void
}

/**
 * Looks up offsets with ListOffsets. Those that are requested in the same turn of the event loop share a request for each
 * leader, so that the cost does not grow with the number of tasks.
 */
export class OffsetLookup {
  readonly #cluster: KafkaCluster
  #pending: PendingQuery[] = []

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster
  }

  /** @throws ProtocolError; JoineryError if the leader is not known or does not respond */
  lookUp(query: OffsetQuery): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...query, resolve, reject })
      if (this.#pending.length === 1) void this.#cluster.clock.yieldToEventLoop().then(() => this.#send())
    })
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const requests = new Map<string, { readonly leader: number; readonly queries: Map<string, PendingQuery[]> }>()
    for (const query of this.#pending.splice(0)) {
      const { topic, partition, timestamp, isolationLevel, reject } = query
      try {
        const leader = await this.#cluster.leaderOf(topic, partition)
        const id = `${leader}/${timestamp}/${isolationLevel}`
        const request = requests.get(id) ?? { leader, queries: new Map() }
        requests.set(id, request)
        const place = partitionName(query)
        request.queries.set(place, [...(request.queries.get(place) ?? []), query])
      } catch (error) {
        reject(error)
      }
    }
    for (const { leader, queries } of requests.values()) void this.#request(leader, queries)
  }

  /** @param queries by partition, all with the same timestamp and isolation level */
  async #request(leader: number, queries: ReadonlyMap<string, readonly PendingQuery[]>): Promise<void> {
    const firsts = Array.from(queries.values(), ([first]) => first as PendingQuery)
    const { timestamp, isolationLevel } = firsts[0] as PendingQuery
    const byTopic = new Map<string, { readonly partitionIndex: number; readonly timestamp: number }[]>()
    for (const { topic, partition } of firsts) {
      const partitions = byTopic.get(topic) ?? []
      byTopic.set(topic, partitions)
      partitions.push({ partitionIndex: partition, timestamp })
    }
    const topics = Array.from(byTopic, ([name, partitions]) => ({ name, partitions }))
    try {
      const request = { replicaId: CONSUMER_REPLICA_ID, isolationLevel, topics }
      const response = await this.#cluster.request(leader, 'main', LIST_OFFSETS, request, { mustLead: firsts })
      const found = new Map(
        response.topics.flatMap(({ name, partitions }) =>
          partitions.map((each) => [partitionName({ topic: name, partition: each.partitionIndex }), each] as const),
        ),
      )
      for (const [place, waiting] of queries) {
        const { errorCode = CODE.UNKNOWN_SERVER_ERROR, offset = -1 } = found.get(place) ?? {}
        for (const { topic, partition, resolve, reject } of waiting) {
          if (errorCode === CODE.NONE) resolve(offset)
          else reject(new ProtocolError(errorCode, `${LIST_OFFSETS.name} of ${topic}[${partition}]`))
        }
      }
    } catch (error) {
      for (const waiting of queries.values()) for (const { reject } of waiting) reject(error)
    }
  }
}
