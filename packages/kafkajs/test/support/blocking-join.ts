import { json, type Pipeline, stream, type Topic, table, text, topic } from '@joinery/core'

/** An event; one of them takes long. */
export interface NumberedEvent {
  readonly i: number
  readonly isSlow?: boolean
}

/** A join whose joiner takes long for some events, and its topics. */
export interface BlockingJoin {
  readonly events: Topic<string, NumberedEvent>
  readonly rows: Topic<string, NumberedEvent>
  readonly results: Topic<string, NumberedEvent>
  readonly dead: string
  readonly pipeline: Pipeline
}

/** @param block runs in the joiner for slow events */
export function blockingJoin(name: (topic: string) => string, block: () => void): BlockingJoin {
  const serdes = { key: text(), value: json<NumberedEvent>() }
  const events = topic(name('events'), serdes)
  const rows = topic(name('rows'), serdes)
  const results = topic(name('results'), serdes)
  const dead = name('dead')
  const pipeline = stream(events, { onError: { deadLetter: dead } })
    .join(
      table(rows),
      (event) => {
        if (event.isSlow) block()
        return event
      },
      { name: 'rows' },
    )
    .to(results)
  return { events, rows, results, dead, pipeline }
}
