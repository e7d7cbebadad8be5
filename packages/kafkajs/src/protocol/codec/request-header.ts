import type { ApiVersion } from './struct-codec.js'

const HEADER_BYTES = 14

/** A request without its body. */
export interface RequestHeader {
  readonly apiKey: number
  readonly version: ApiVersion
  readonly correlationId: number
  readonly clientId: Buffer
}

/** @returns the length of a request, and its header */
export function requestHeader(
  { apiKey, version, correlationId, clientId }: RequestHeader,
  body: readonly Uint8Array[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + clientId.length + (version.isFlexible ? 1 : 0))
  let length = header.length - 4
  for (const part of body) length += part.length
  header.writeInt32BE(length, 0)
  header.writeInt16BE(apiKey, 4)
  header.writeInt16BE(version.number, 6)
  header.writeInt32BE(correlationId, 8)
  header.writeInt16BE(clientId.length, 12)
  clientId.copy(header, HEADER_BYTES)
  return header
}
