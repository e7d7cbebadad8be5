import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** Version 10 is the first with topic ids. */
export const METADATA = { key: 3, name: 'Metadata', firstFlexibleVersion: 9, version: 10 } as const

/** `topicId` of a request for a topic by its name. */
export const NO_TOPIC_ID = '00000000000000000000000000000000'

export interface MetadataRequest {
  readonly topics: readonly { readonly topicId: string; readonly name: string | null }[]
  readonly allowAutoTopicCreation: boolean
  readonly includeClusterAuthorizedOperations: boolean
  readonly includeTopicAuthorizedOperations: boolean
}

export interface MetadataResponse {
  readonly throttleTimeMs: number
  readonly brokers: readonly MetadataBroker[]
  readonly clusterId: string | null
  readonly controllerId: number
  readonly topics: readonly MetadataTopic[]
  readonly clusterAuthorizedOperations: number
}

export interface MetadataBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface MetadataTopic {
  readonly errorCode: number
  readonly name: string
  /** 32 hexadecimal digits. */
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly MetadataPartition[]
  readonly topicAuthorizedOperations: number
}

export interface MetadataPartition {
  readonly errorCode: number
  readonly partitionIndex: number
  /** -1: there is none. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

export function encodeMetadataRequest(request: MetadataRequest): ApiRequest {
  const body = new RequestWriter()
  body.compactArray(request.topics, ({ topicId, name }) => body.uuid(topicId).compactString(name).tags())
  body.bool(request.allowAutoTopicCreation)
  body.bool(request.includeClusterAuthorizedOperations)
  body.bool(request.includeTopicAuthorizedOperations)
  return { api: METADATA, version: METADATA.version, parts: [body.tags().take()] }
}

export function decodeMetadataResponse(reader: ResponseReader): MetadataResponse {
  const response = {
    throttleTimeMs: reader.int32(),
    brokers: reader.compactArray(() => decodeBroker(reader)),
    clusterId: reader.compactString(),
    controllerId: reader.int32(),
    topics: reader.compactArray(() => decodeTopic(reader)),
    clusterAuthorizedOperations: reader.int32(),
  }
  reader.tags()
  return response
}

function decodeBroker(reader: ResponseReader): MetadataBroker {
  const broker = {
    nodeId: reader.int32(),
    host: reader.compactString() ?? '',
    port: reader.int32(),
    rack: reader.compactString(),
  }
  reader.tags()
  return broker
}

function decodeTopic(reader: ResponseReader): MetadataTopic {
  const topic = {
    errorCode: reader.int16(),
    name: reader.compactString() ?? '',
    topicId: reader.uuid(),
    isInternal: reader.bool(),
    partitions: reader.compactArray(() => decodePartition(reader)),
    topicAuthorizedOperations: reader.int32(),
  }
  reader.tags()
  return topic
}

function decodePartition(reader: ResponseReader): MetadataPartition {
  const nodes = () => reader.compactArray(() => reader.int32())
  const partition = {
    errorCode: reader.int16(),
    partitionIndex: reader.int32(),
    leaderId: reader.int32(),
    leaderEpoch: reader.int32(),
    replicaNodes: nodes(),
    isrNodes: nodes(),
    offlineReplicas: nodes(),
  }
  reader.tags()
  return partition
}
