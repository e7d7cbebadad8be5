import type { Headers, Origin } from '../record.js'
import { ORIGIN_HEADER } from './headers.js'

/** The stream record behind an output. */
export interface RecordOrigin extends Origin {
  /** The application that wrote the output. */
  readonly application: string
}

const ORIGIN = /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)$/

/**
 * Reads `joinery-origin`, which every output and dead letter has. It is the same for the same event, so a consumer can detect
 * repeated outputs.
 *
 * @returns the position of the event, and the application that wrote the output; `undefined` if the record has no origin
 *
 * @example
 * ```ts
 * import type { Headers } from '@joinery/core'
 *
 * const headers: Headers = [['joinery-origin', Buffer.from('service-a/product-activation/0/42')]]
 * console.log(recordOrigin(headers)?.offset) // 42
 * ```
 */
export function recordOrigin(headers: Headers): RecordOrigin | undefined {
  const value = headers.findLast(([name]) => name === ORIGIN_HEADER)?.[1]
  const [, application, topic, partition, offset] =
    ORIGIN.exec(value == null ? '' : Buffer.from(value).toString()) ?? []
  if (application === undefined || topic === undefined) return undefined
  return { application, topic, partition: Number(partition), offset: Number(offset) }
}
