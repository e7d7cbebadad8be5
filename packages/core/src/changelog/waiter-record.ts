import { JoineryError } from '../errors.js'
import type { Headers, LogRecord } from '../record.js'
import { NO_HEADERS } from '../record.js'
import { checkValueVersion, VALUE_VERSION } from './keys.js'

/** @returns the value of a WAITER record: version, arrival, timestamp, key, value, headers; lengths in front, -1 for null */
export function encodeWaiter({ key, value, timestamp, headers }: LogRecord, arrival: number): Uint8Array {
  const names = headers.map(([name]) => Buffer.from(name))
  let size = 1 + 8 + 8 + 4 + (key?.length ?? 0) + 4 + (value?.length ?? 0) + 4
  headers.forEach(([, bytes], i) => {
    size += 4 + (names[i] as Buffer).length + 4 + (bytes?.length ?? 0)
  })
  const out = Buffer.allocUnsafe(size)
  let at = out.writeUInt8(VALUE_VERSION)
  at = out.writeDoubleBE(arrival, at)
  at = out.writeDoubleBE(timestamp, at)
  const bytes = (part: Uint8Array | null) => {
    at = out.writeInt32BE(part === null ? -1 : part.length, at)
    if (part === null) return
    out.set(part, at)
    at += part.length
  }
  bytes(key)
  bytes(value)
  at = out.writeInt32BE(headers.length, at)
  headers.forEach(([, value], i) => {
    bytes(names[i] as Buffer)
    bytes(value)
  })
  return out
}

/**
 * Reads a WAITER record back. Its topic, partition and offset are not in the value: they follow from its key.
 *
 * @throws JoineryError `CHANGELOG_INVALID` if it is truncated, malformed or of another version
 */
export function decodeWaiter(
  stored: Uint8Array,
  topic: string,
  partition: number,
  offset: number,
): { record: LogRecord; arrival: number } {
  checkValueVersion(stored, 'WAITER')
  const from = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  let at = 17
  const bytes = (): Buffer | null => {
    const length = from.readInt32BE(at)
    at += 4
    if (length < 0) return null
    if (at + length > from.length) throw new RangeError('truncated')
    const part = from.subarray(at, at + length)
    at += length
    return part
  }
  try {
    const arrival = from.readDoubleBE(1)
    const timestamp = from.readDoubleBE(9)
    const key = bytes()
    const value = bytes()
    let count = from.readInt32BE(at)
    at += 4
    const headers: [string, Uint8Array | null][] = []
    for (; count > 0; count--) headers.push([(bytes() as Buffer).toString(), bytes()])
    if (at !== from.length) throw new RangeError('longer than its fields')
    const list: Headers = headers.length === 0 ? NO_HEADERS : headers
    return { arrival, record: { topic, partition, offset, key, value, timestamp, headers: list } }
  } catch (cause) {
    throw new JoineryError('CHANGELOG_INVALID', 'a WAITER record is truncated or malformed', {
      cause,
      topic,
      partition,
      offset,
    })
  }
}
