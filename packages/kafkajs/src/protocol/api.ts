import { RequestWriter } from './request-writer.js'
import type { ApiVersion, Codec, Decoded, Encodable, Fields } from './schema.js'
import { structCodec } from './struct-codec.js'

/** One API of Kafka's protocol (https://kafka.apache.org/protocol#protocol_api_keys), in the versions that this client implements. */
export interface Api<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** From this version on, headers and structures have tagged fields, and strings and arrays the compact form (KIP-482). */
  readonly firstFlexibleVersion: number
  readonly request: Request
  readonly response: Response
}

/** The request of an API as it is sent, and as brokers read it. */
export type RequestOf<A> = A extends Api<infer F, Fields> ? Encodable<F> : never
/** The response of an API as it is read. */
export type ResponseOf<A> = A extends Api<Fields, infer F> ? Decoded<F> : never

/** How an API is spoken in one version. */
export interface ApiCodec<Request extends Fields, Response extends Fields> {
  readonly version: ApiVersion
  readonly request: Codec<Decoded<Request>, Encodable<Request>>
  readonly response: Codec<Decoded<Response>, Encodable<Response>>
}

/** @returns how an API is spoken in one version */
export function apiCodec<Q extends Fields, S extends Fields>(api: Api<Q, S>, number: number): ApiCodec<Q, S> {
  const version = { number, isFlexible: number >= api.firstFlexibleVersion }
  return { version, request: structCodec(api.request, version), response: structCodec(api.response, version) }
}

/** @returns the body of a request or response, in parts: bytes that it contains are not copied */
export function encode<T>({ write }: Codec<unknown, T>, value: T): readonly Uint8Array[] {
  const writer = new RequestWriter()
  write(writer, value)
  return writer.parts()
}
