import type { Clock } from '@joinery/core'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { CODE } from '../protocol/error-codes.js'
import { METADATA } from '../protocol/metadata.js'
import { settledWithin } from './retry.js'
import { fromStarted, topicMetadata, topicsRequest } from './topic-metadata.js'

/** The most brokers that get the request: if one of them does not know a new topic yet, another one does. */
const MAX_BROKERS = 3
/** How long each may take to respond. */
const RESPONSE_MS = 1_000

/** The part of a cluster that the check needs. */
interface Cluster {
  readonly clock: Clock
  readonly brokers: readonly number[]
  request<A extends Api>(node: number, channel: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>>
}

/**
 * Checks with several brokers whether topics exist that one broker does not know: it may have just started, or the topics
 * may be new.
 *
 * @returns the topics that no broker knows
 */
export async function missingTopics(cluster: Cluster, topics: readonly string[]): Promise<readonly string[]> {
  const nodes = cluster.brokers.slice(0, MAX_BROKERS)
  if (topics.length === 0 || nodes.length < 2) return topics
  const known = new Set<string>()
  const check = async (node: number): Promise<void> => {
    const response = fromStarted(await cluster.request(node, 'main', METADATA, topicsRequest(topics)))
    for (const { topic, code } of topicMetadata(response, topics))
      if (code !== CODE.UNKNOWN_TOPIC_OR_PARTITION) known.add(topic)
  }
  await Promise.all(nodes.map((node) => settledWithin(cluster.clock, RESPONSE_MS, check(node))))
  return topics.filter((topic) => !known.has(topic))
}
