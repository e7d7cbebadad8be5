/** One API of Kafka's protocol (https://kafka.apache.org/protocol#protocol_api_keys). */
export interface Api {
  readonly key: number
  readonly name: string
  /** From this version on, headers and fields have tags, and strings and arrays the compact form (KIP-482). */
  readonly firstFlexibleVersion: number
}

/** An encoded request without its header. */
export interface ApiRequest {
  readonly api: Api
  readonly version: number
  /** Written to the socket one after the other, so that record batches are never copied. */
  readonly parts: readonly Uint8Array[]
  /** How long the request allows the broker to hold the response back, in milliseconds. */
  readonly maxWaitMs?: number
}

export const isFlexible = (api: Api, version: number): boolean => version >= api.firstFlexibleVersion
