import type { Waiter } from '../../src/join/waiter.js'

/** @returns a waiter that its offset identifies */
export function waiterOf(key: string, offset: number, arrival = 0, bytes = 1): Waiter {
  const record = {
    topic: 'events',
    partition: 0,
    offset,
    key: Buffer.from(key),
    value: Buffer.from('v'),
    timestamp: 0,
    headers: [],
  }
  return { record, arrival, bytes, join: 0, hasLeft: false, next: undefined }
}
