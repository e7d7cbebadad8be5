import { json, type Pipeline, stream, type Table, type Topic, table, text, topic } from '@joinery/core'

export const events: Topic<string, { n: number }> = topic('events', { key: text(), value: json<{ n: number }>() })
export const rows: Topic<string, { id: string }> = topic('rows', { key: text(), value: json<{ id: string }>() })
export const results: Topic<string, { n: number; id: string }> = topic('results', {
  key: text(),
  value: json<{ n: number; id: string }>(),
})
export const information: Table<string, { id: string }> = table(rows)
const deadLetter = 'events.dead'

/** A join whose events wait for their row. */
export const joined: Pipeline = stream(events, { onError: { deadLetter } })
  .join(information, ({ n }, { id }) => ({ n, id }), { wait: { atMost: '30m', otherwise: { deadLetter } } })
  .to(results)
