import { JoineryError } from '@joinery/core'
import type { RequestOf, ResponseOf } from '../protocol/api.js'
import { CODE } from '../protocol/error-codes.js'
import { METADATA, NO_TOPIC_ID } from '../protocol/metadata.js'
import { ProtocolError } from '../protocol/protocol-error.js'

/** The metadata of a topic. */
export interface TopicMetadata {
  readonly topic: string
  /** A topic that is deleted and created again gets another id. */
  readonly id: string
  readonly code: number
  /** The leader of each partition; -1 where there is none. */
  readonly leaders: readonly number[]
  /** The epoch of each partition's leader; -1 where it is not known. It increases with each election. */
  readonly leaderEpochs: readonly number[]
  /** Whether a partition has a single replica, although the cluster has several brokers. */
  readonly lacksReplicas: boolean
}

type Response = ResponseOf<typeof METADATA>

const UNKNOWN = {
  id: '',
  code: CODE.UNKNOWN_TOPIC_OR_PARTITION,
  leaders: [],
  leaderEpochs: [],
  lacksReplicas: false,
} as const

export const topicsRequest = (topics: readonly string[]): RequestOf<typeof METADATA> => ({
  topics: topics.map((name) => ({ topicId: NO_TOPIC_ID, name })),
  allowAutoTopicCreation: false,
  includeTopicAuthorizedOperations: false,
})

/**
 * @returns the response
 * @throws JoineryError `LOG_FAILED`, retriable, if the broker knows no brokers, and so no topics: it has just started
 */
export function fromStarted(response: Response): Response {
  if (response.brokers.length > 0 || response.errorCode !== CODE.NONE) return response
  throw new JoineryError('LOG_FAILED', 'a broker that has just started does not know any broker yet', {
    retriable: true,
  })
}

/** @returns the metadata of topics, in their order */
export function topicMetadata(response: Response, topics: readonly string[]): readonly TopicMetadata[] {
  if (response.errorCode !== CODE.NONE) throw new ProtocolError(response.errorCode, METADATA.name)
  const hasOthers = response.brokers.length > 1
  const found = new Map(response.topics.map((each) => [each.name, metadataOf(each, hasOthers)]))
  return topics.map((topic) => found.get(topic) ?? { ...UNKNOWN, topic })
}

/** @param hasOthers whether the cluster has several brokers */
function metadataOf(topic: Response['topics'][number], hasOthers: boolean): TopicMetadata {
  const { name, topicId, errorCode, partitions } = topic
  const leaders: number[] = []
  const leaderEpochs: number[] = []
  for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
    leaders[partitionIndex] = leaderId
    leaderEpochs[partitionIndex] = leaderEpoch
  }
  return {
    topic: name ?? '',
    id: topicId,
    code: errorCode,
    leaders: Array.from(leaders, (leader) => leader ?? -1),
    leaderEpochs: Array.from(leaderEpochs, (epoch) => epoch ?? -1),
    lacksReplicas: hasOthers && partitions.some(({ replicaNodes }) => replicaNodes.length === 1),
  }
}
