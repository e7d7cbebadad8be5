import { expect } from 'vitest'
import type { ApiRequest } from '../../src/protocol/api.js'
import { ResponseReader } from '../../src/protocol/response-reader.js'

/** Bytes from fields in hexadecimal; blanks within a field are left out. */
export const bytes = (...fields: readonly string[]): Buffer => Buffer.from(fields.join('').replaceAll(' ', ''), 'hex')

/** A string of the protocol: an int16 length, then UTF-8. */
export const string = (text: string): string =>
  Buffer.byteLength(text).toString(16).padStart(4, '0') + Buffer.from(text).toString('hex')

/** A string of a flexible version: a varint length that is larger by one, then UTF-8. For up to 126 bytes. */
export const compact = (text: string): string =>
  (Buffer.byteLength(text) + 1).toString(16).padStart(2, '0') + Buffer.from(text).toString('hex')

/** The body of a request, after its header. */
export const bodyOf = ({ parts }: ApiRequest): Buffer => Buffer.concat(parts)

/** @returns what `decode` returns for these bytes, all of which it reads; it must reject each shorter response */
export function decodeWhole<T>(response: Buffer, decode: (reader: ResponseReader) => T): T {
  const reader = new ResponseReader(response)
  const decoded = decode(reader)
  expect(reader.at, 'bytes read').toBe(response.length)
  for (let length = 0; length < response.length; length++) {
    const cut = new ResponseReader(response.subarray(0, length))
    expect(() => decode(cut), `${length} bytes`).toThrow(expect.objectContaining({ code: 'RECORDS_CORRUPT' }))
  }
  return decoded
}
