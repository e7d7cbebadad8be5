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
}

type Response = ResponseOf<typeof METADATA>

export const topicsRequest = (topics: readonly string[]): RequestOf<typeof METADATA> => ({
  topics: topics.map((name) => ({ topicId: NO_TOPIC_ID, name })),
  allowAutoTopicCreation: false,
  includeTopicAuthorizedOperations: false,
})

/** @returns the metadata of topics, in their order */
export function topicMetadata(response: Response, topics: readonly string[]): readonly TopicMetadata[] {
  if (response.errorCode !== CODE.NONE) throw new ProtocolError(response.errorCode, METADATA.name)
  const found = new Map(response.topics.map((each) => [each.name, metadataOf(each)]))
  return topics.map(
    (topic) => found.get(topic) ?? { topic, id: '', code: CODE.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] },
  )
}

function metadataOf({ name, topicId, errorCode, partitions }: Response['topics'][number]): TopicMetadata {
  const leaders: number[] = []
  for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
  return { topic: name ?? '', id: topicId, code: errorCode, leaders: Array.from(leaders, (leader) => leader ?? -1) }
}
