import type { Codec } from './codec/primitives.js'
import { RequestWriter } from './codec/request-writer.js'
import type { Decoded, Encodable, Fields } from './codec/schema.js'
import { type ApiVersion, structCodec } from './codec/struct-codec.js'

/**
 * One API of Kafka's protocol (https://kafka.apache.org/protocol#protocol_api_keys), in the versions that this client
 * implements.
 */
export interface Api {
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** From this version on, headers and structures have tagged fields, and strings and arrays the compact form (KIP-482). */
  readonly firstFlexibleVersion: number
  readonly request: Fields
  readonly response: Fields
}

/** The request of an API as it is sent. */
export type RequestOf<A extends Api> = Encodable<A['request']>
/** The response of an API as it is read. */
export type ResponseOf<A extends Api> = Decoded<A['response']>
/** The request of an API as brokers read it. */
export type ReceivedRequestOf<A extends Api> = Decoded<A['request']>
/** The response of an API as brokers write it. */
export type SentResponseOf<A extends Api> = Encodable<A['response']>

/** An API in one version. */
export interface ApiCodec<A extends Api> {
  readonly version: ApiVersion
  readonly request: Codec<ReceivedRequestOf<A>, RequestOf<A>>
  readonly response: Codec<ResponseOf<A>, SentResponseOf<A>>
}

/** @returns how an API is read and written in one version */
export function apiCodec<A extends Api>(api: A, number: number): ApiCodec<A> {
  const version = { number, isFlexible: number >= api.firstFlexibleVersion }
  return {
    version,
    request: structCodec(api.request, version) as ApiCodec<A>['request'],
    response: structCodec(api.response, version) as ApiCodec<A>['response'],
  }
}

/** @returns the body of a request or response, in parts: bytes that it contains are not copied */
export function encode<T>({ write }: Codec<unknown, T>, value: T): readonly Uint8Array[] {
  const writer = new RequestWriter()
  write(writer, value)
  return writer.parts()
}
