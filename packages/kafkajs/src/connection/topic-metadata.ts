import type { ApiRequest } from '../protocol/api.js'
import { CODE } from '../protocol/error-codes.js'
import { decodeMetadataResponse, encodeMetadataRequest, type MetadataTopic, NO_TOPIC_ID } from '../protocol/metadata.js'
import type { ResponseReader } from '../protocol/response-reader.js'

/** The metadata of a topic. */
export interface TopicMetadata {
  readonly topic: string
  /** A topic that is deleted and created again gets another id. */
  readonly id: string
  readonly code: number
  /** The leader of each partition; -1 where there is none. */
  readonly leaders: readonly number[]
}

/** @returns the metadata of topics, in their order */
export async function fetchTopicMetadata(
  request: (request: ApiRequest) => Promise<ResponseReader>,
  topics: readonly string[],
): Promise<readonly TopicMetadata[]> {
  const reader = await request(
    encodeMetadataRequest({
      topics: topics.map((name) => ({ topicId: NO_TOPIC_ID, name })),
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    }),
  )
  const found = new Map(decodeMetadataResponse(reader).topics.map((each) => [each.name, topicMetadata(each)]))
  return topics.map(
    (topic) => found.get(topic) ?? { topic, id: '', code: CODE.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] },
  )
}

function topicMetadata({ name, topicId, errorCode, partitions }: MetadataTopic): TopicMetadata {
  const leaders: number[] = []
  for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
  return { topic: name, id: topicId, code: errorCode, leaders: Array.from(leaders, (leader) => leader ?? -1) }
}
