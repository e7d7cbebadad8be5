import { json, stream, type TableOptions, type Topic, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'

/** The pipeline that the runtime's tests run. */
export const activations: Topic<string, { n: number }> = topic('activation', {
  key: text(),
  value: json<{ n: number }>(),
})
export const information: Topic<string, { id: string }> = topic('information', {
  key: text(),
  value: json<{ id: string }>(),
})
export const notifications: Topic<string, { n: number; id: string }> = topic('notifications', {
  key: text(),
  value: json<{ n: number; id: string }>(),
})
export const DEAD = 'activation.dead'

export function notify(options: TableOptions = {}): Pipeline {
  return stream(activations, { onError: { deadLetter: DEAD } })
    .join(table(information, options), ({ n }, { id }) => ({ n, id }), {
      wait: { atMost: '30m', otherwise: { deadLetter: DEAD }, maxRecords: 3 },
    })
    .to(notifications)
}
