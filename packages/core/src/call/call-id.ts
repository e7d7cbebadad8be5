import { createHash } from 'node:crypto'
import { recordOrigin } from '../outcome/record-origin.js'
import type { LogRecord } from '../record.js'

/**
 * The default id of a record's call.
 *
 * @returns `joinery-origin`, which is the same whenever the previous hop repeats the record; without it, the record's
 * own topic, partition and offset
 */
export function defaultCallId({ topic, partition, offset, headers }: LogRecord): string {
  const origin = recordOrigin(headers)
  if (origin === undefined) return `${topic}/${partition}/${offset}`
  return `${origin.application}/${origin.topic}/${origin.partition}/${origin.offset}`
}

/** @returns a digest of key and value, which distinguishes a repetition of a record from another record with the same id */
export function fingerprintOf({ key, value }: LogRecord): string {
  const hash = createHash('sha256')
  for (const part of [key, value]) {
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(part === null ? -1 : part.length)
    hash.update(length)
    if (part !== null) hash.update(part)
  }
  return hash.digest('base64url')
}

/** @returns 43 characters, the same for every attempt at a call and in every process */
export function idempotencyKeyOf(namespace: string, id: string): string {
  return createHash('sha256')
    .update(JSON.stringify([namespace, id]))
    .digest('base64url')
}
