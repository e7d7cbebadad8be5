import type { CommittedRecord } from '../committed.js'
import type { History } from '../history.js'
import { idOf } from './each-once.js'
import type { Violation } from './violation.js'

const ADDED_HEADERS = /^joinery-/

/** I15: a dead letter has the bytes of its original, and its reason, origin and age. Results keep the headers of the event. */
export function deadLetters({ service, records, outcomes }: History): Violation[] {
  const originals = new Map<string, CommittedRecord>()
  for (const all of records.values()) for (const record of all) originals.set(idOf(record), record)
  return outcomes.flatMap(({ record, origin, reason }) => {
    const original = originals.get(idOf(origin))
    if (original === undefined) return []
    const law = 'I15 dead letters are faithful'
    const names = record.headers.map(([name]) => name)
    const wrong = [
      sameBytes(record.key, original.key) ? '' : 'the key',
      reason === undefined || sameBytes(record.value, original.value) ? '' : 'the value',
      sameHeaders(record, original) ? '' : 'the headers',
      record.timestamp === original.timestamp ? '' : 'the timestamp',
      reason === undefined || names.includes('joinery-age-ms') ? '' : 'no joinery-age-ms',
      reason !== 'no-row' || names.includes('joinery-table') ? '' : 'no joinery-table',
      (reason !== 'undecodable' && reason !== 'function-threw') || names.includes('joinery-error')
        ? ''
        : 'no joinery-error',
      (record.topic === service.dead) === (reason !== undefined) ? '' : 'the topic',
    ].filter((each) => each !== '')
    return wrong.length === 0 ? [] : [{ law, text: `wrong: ${wrong.join(', ')}`, of: origin }]
  })
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

function sameHeaders(record: CommittedRecord, original: CommittedRecord): boolean {
  const own = record.headers.filter(([name]) => !ADDED_HEADERS.test(name))
  return (
    own.length === original.headers.length &&
    own.every(([name, value], i) => {
      const [of, was] = original.headers[i] as (typeof original.headers)[number]
      return name === of && sameBytes(value, was)
    })
  )
}
