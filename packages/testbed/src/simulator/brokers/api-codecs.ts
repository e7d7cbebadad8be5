import { ADD_PARTITIONS_TO_TXN } from '../../../../kafkajs/src/protocol/add-partitions-to-txn.js'
import { type Api, type ApiCodec, apiCodec } from '../../../../kafkajs/src/protocol/api.js'
import { API_VERSIONS } from '../../../../kafkajs/src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../../../kafkajs/src/protocol/create-topics.js'
import { DESCRIBE_CONFIGS } from '../../../../kafkajs/src/protocol/describe-configs.js'
import { END_TXN } from '../../../../kafkajs/src/protocol/end-txn.js'
import { FETCH } from '../../../../kafkajs/src/protocol/fetch.js'
import { FIND_COORDINATOR } from '../../../../kafkajs/src/protocol/find-coordinator.js'
import { INIT_PRODUCER_ID } from '../../../../kafkajs/src/protocol/init-producer-id.js'
import { LIST_OFFSETS } from '../../../../kafkajs/src/protocol/list-offsets.js'
import { METADATA } from '../../../../kafkajs/src/protocol/metadata.js'
import { PRODUCE } from '../../../../kafkajs/src/protocol/produce.js'

const APIS: readonly Api[] = [
  ...[PRODUCE, FETCH, LIST_OFFSETS, METADATA, FIND_COORDINATOR, API_VERSIONS, CREATE_TOPICS],
  ...[INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN, DESCRIBE_CONFIGS],
]

/** An API in one version. */
export interface VersionedApi {
  readonly api: Api
  readonly codec: ApiCodec<Api>
}

/** @returns the name of the API of a request with its length and header */
export function apiName(request: Buffer): string {
  const key = request.readInt16BE(4)
  return APIS.find((api) => api.key === key)?.name ?? `API ${key}`
}

const TRANSACTIONAL = new Set<number>([PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN].map(({ key }) => key))

/** Whether a request with its length and header is one of those that make up transactions. */
export const isTransactional = (request: Buffer): boolean => TRANSACTIONAL.has(request.readInt16BE(4))

/** Whether a request with its length and header is EndTxn. */
export const isEndTxn = (request: Buffer): boolean => request.readInt16BE(4) === END_TXN.key

/** How the simulated brokers read and write each version of the APIs that they have. */
export class ApiCodecs {
  readonly #codecs = new Map<number, VersionedApi>()

  get(key: number, version: number): VersionedApi {
    const id = key * 1_000 + version
    let found = this.#codecs.get(id)
    if (found === undefined) {
      const api = APIS.find((each) => each.key === key)
      if (api === undefined) throw new Error(`the simulated brokers do not support API ${key}`)
      found = { api, codec: apiCodec(api, version) }
      this.#codecs.set(id, found)
    }
    return found
  }
}
