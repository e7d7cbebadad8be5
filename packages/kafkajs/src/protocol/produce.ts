import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** Version 12 adds the partitions to the transaction that it names (KIP-890). */
export const PRODUCE = {
  key: 0,
  name: 'Produce',
  firstFlexibleVersion: 9,
  version: 7,
  transactionV2Version: 12,
} as const

export type ProduceVersion = typeof PRODUCE.version | typeof PRODUCE.transactionV2Version

/** `acks` of a request that all in-sync replicas acknowledge. */
export const ACKS_ALL = -1

export interface ProduceRequest {
  readonly transactionalId: string | null
  readonly acks: number
  readonly timeoutMs: number
  readonly topicData: readonly {
    readonly name: string
    readonly partitionData: readonly {
      readonly index: number
      /** One record batch, which is sent without a copy. */
      readonly records: Uint8Array
    }[]
  }[]
}

export interface ProduceResponse {
  readonly responses: readonly {
    readonly name: string
    readonly partitionResponses: readonly ProducePartitionResponse[]
  }[]
  readonly throttleTimeMs: number
  /** Version 10 and later: the addresses of the leaders in `currentLeader`. */
  readonly nodeEndpoints: readonly NodeEndpoint[]
}

export interface ProducePartitionResponse {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
  /** -1 unless the topic's timestamps are `LogAppendTime`. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** Version 8 and later: the records because of which a batch was rejected. */
  readonly recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[]
  /** Version 8 and later. */
  readonly errorMessage: string | null
  /** Version 10 and later, with NOT_LEADER_OR_FOLLOWER: the new leader. */
  readonly currentLeader: { readonly leaderId: number; readonly leaderEpoch: number } | undefined
}

export interface NodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export function encodeProduceRequest(request: ProduceRequest, version: ProduceVersion): ApiRequest {
  const parts = version === PRODUCE.version ? plainParts(request) : flexibleParts(request)
  return { api: PRODUCE, version, parts }
}

function plainParts({ transactionalId, acks, timeoutMs, topicData }: ProduceRequest): Uint8Array[] {
  const parts: Uint8Array[] = []
  const body = new RequestWriter().string(transactionalId).int16(acks).int32(timeoutMs)
  body.array(topicData, ({ name, partitionData }) => {
    body.string(name)
    body.array(partitionData, ({ index, records }) => {
      body.int32(index).int32(records.length)
      parts.push(body.take(), records)
    })
  })
  if (topicData.length === 0) parts.push(body.take())
  return parts
}

function flexibleParts({ transactionalId, acks, timeoutMs, topicData }: ProduceRequest): Uint8Array[] {
  const parts: Uint8Array[] = []
  const body = new RequestWriter().compactString(transactionalId).int16(acks).int32(timeoutMs)
  body.compactArray(topicData, ({ name, partitionData }) => {
    body.compactString(name)
    body.compactArray(partitionData, ({ index, records }) => {
      body.int32(index).uvarint(records.length + 1)
      parts.push(body.take(), records)
      body.tags()
    })
    body.tags()
  })
  parts.push(body.tags().take())
  return parts
}

export function decodeProduceResponse(reader: ResponseReader, version: ProduceVersion): ProduceResponse {
  return version === PRODUCE.version ? decodePlain(reader) : decodeFlexible(reader)
}

function decodePlain(reader: ResponseReader): ProduceResponse {
  const responses = reader.array(() => ({
    name: reader.string() ?? '',
    partitionResponses: reader.array(() => ({
      index: reader.int32(),
      errorCode: reader.int16(),
      baseOffset: reader.int64(),
      logAppendTimeMs: reader.int64(),
      logStartOffset: reader.int64(),
      recordErrors: [],
      errorMessage: null,
      currentLeader: undefined,
    })),
  }))
  return { responses, throttleTimeMs: reader.int32(), nodeEndpoints: [] }
}

function decodeFlexible(reader: ResponseReader): ProduceResponse {
  const responses = reader.compactArray(() => {
    const name = reader.compactString() ?? ''
    const partitionResponses = reader.compactArray(() => decodePartition(reader))
    reader.tags()
    return { name, partitionResponses }
  })
  const throttleTimeMs = reader.int32()
  let nodeEndpoints: readonly NodeEndpoint[] = []
  reader.tags((tag) => {
    if (tag === 0) nodeEndpoints = reader.compactArray(() => decodeEndpoint(reader))
  })
  return { responses, throttleTimeMs, nodeEndpoints }
}

function decodePartition(reader: ResponseReader): ProducePartitionResponse {
  const partition = {
    index: reader.int32(),
    errorCode: reader.int16(),
    baseOffset: reader.int64(),
    logAppendTimeMs: reader.int64(),
    logStartOffset: reader.int64(),
    recordErrors: reader.compactArray(() => {
      const error = { batchIndex: reader.int32(), batchIndexErrorMessage: reader.compactString() }
      reader.tags()
      return error
    }),
    errorMessage: reader.compactString(),
  }
  let currentLeader: ProducePartitionResponse['currentLeader']
  reader.tags((tag) => {
    if (tag !== 0) return
    currentLeader = { leaderId: reader.int32(), leaderEpoch: reader.int32() }
    reader.tags()
  })
  return { ...partition, currentLeader }
}

function decodeEndpoint(reader: ResponseReader): NodeEndpoint {
  const endpoint = {
    nodeId: reader.int32(),
    host: reader.compactString() ?? '',
    port: reader.int32(),
    rack: reader.compactString(),
  }
  reader.tags()
  return endpoint
}
