import { EPOCH } from '../brokers/broker-time.js'
import type { SimEvent } from '../scenario/values.js'
import type { EventLifecycle } from './event-lifecycle.js'
import { headerOf, type Outcome, textOf } from './log-history.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

const HOUR_MS = 3_600_000
const ADDED_HEADERS = ['joinery-origin', 'joinery-reason', 'joinery-age-ms', 'joinery-table', 'joinery-error']

/** I15, for results too: key, timestamp and headers are those of the event; of a dead letter also the value. */
export function outcomeFidelity({ pipeline, task: { partition }, lifecycles }: PipelineContext): Violation[] {
  return lifecycles.flatMap(({ entry, outcomes }) =>
    outcomes.flatMap(({ outcome }) => {
      const problem = differenceOf(entry, outcome)
      const event = { stream: pipeline.stream, offset: entry.offset }
      return problem ? [{ law: 'I15 fidelity', text: `${problem} differs from the event`, partition, event }] : []
    }),
  )
}

function differenceOf(
  { record: event, at: readAt }: EventLifecycle['entry'],
  { entry: { record, at }, result, reason, partition }: Outcome,
): string | undefined {
  if (partition !== event.partition) return 'the partition'
  if (textOf(record.key) !== textOf(event.key) || (record.key === null) !== (event.key === null)) return 'the key'
  const own = ({ headers }: { readonly headers: typeof event.headers }) =>
    headers.filter(([name]) => !ADDED_HEADERS.includes(name)).map(([name, value]) => `${name}=${textOf(value)}`)
  if (String(own(record)) !== String(own(event))) return 'a header'
  const isTooFarAhead = event.timestamp > EPOCH + readAt + HOUR_MS
  if (record.timestamp !== event.timestamp && (!isTooFarAhead || record.timestamp > EPOCH + at + HOUR_MS))
    return 'the timestamp'
  if (result !== undefined) {
    const { number, pad } = JSON.parse(textOf(event.value)) as SimEvent
    return number === result.number && pad === result.pad ? undefined : 'the value'
  }
  const isSameValue = textOf(record.value) === textOf(event.value) && (record.value === null) === (event.value === null)
  if (!isSameValue) return 'the value'
  const age = Number(headerOf(record, 'joinery-age-ms'))
  if (!(age >= 0)) return `the age of ${age} ms`
  return reason === undefined ? 'the reason' : undefined
}
