import {
  type App,
  type AppEvent,
  type Clock,
  json,
  memoryLog,
  type Pipeline,
  run,
  type Topic,
  text,
  topic,
} from '../../../src/index.js'
import type { Log } from '../../../src/log.js'
import { faultyLog } from '../../../src/testing.js'
import { blockingClock } from './blocking-clock.js'

/** A numbered event. */
export interface Event {
  readonly i: number
}

export const events: Topic<string, Event> = topic('events', { key: text(), value: json<Event>() })
export const rows: Topic<string, { r: number }> = topic('rows', { key: text(), value: json<{ r: number }>() })
export const results: Topic<string, { i: number; r: number }> = topic('results', {
  key: text(),
  value: json<{ i: number; r: number }>(),
})

/** A process in which functions block, and which loses its tasks when a test says so. */
export interface BlockableProcess {
  readonly clock: Clock
  /** Lets time pass as if a function had run for it. */
  readonly block: (ms: number) => void
  /** The log, without the faults. */
  readonly inner: ReturnType<typeof memoryLog>
  /** The events of the application. */
  readonly told: AppEvent[]
  readonly start: (pipeline: Pipeline) => Promise<App>
  /** The group gives the tasks away, and back: the next commit is rejected. */
  readonly loseTasks: () => void
  /** How often that has happened. */
  readonly losses: () => number
}

export function blockableProcess(topics: Parameters<typeof memoryLog>[0] = {}): BlockableProcess {
  const { clock, block } = blockingClock()
  const inner = memoryLog(topics)
  let isLost = false
  let losses = 0
  const log = faultyLog(inner, {
    commit: () => {
      if (!isLost) return undefined
      isLost = false
      losses++
      return 'rejected'
    },
  })
  const told: AppEvent[] = []
  return {
    clock,
    block,
    inner,
    told,
    start: async (pipeline) => {
      const app = await run(pipeline, { application: 'a', log, clock, onEvent: (event) => told.push(event) })
      app.ready.catch(() => {})
      return app
    },
    loseTasks: () => {
      isLost = true
    },
    losses: () => losses,
  }
}

/** @returns the values of a topic's committed records, from JSON */
export async function values(log: Log, name: string): Promise<unknown[]> {
  const end = await log.source.endOffset({ topic: name, partition: 0 }, 'last-stable-offset')
  const found: unknown[] = []
  if (end === 0) return found
  const reading = new AbortController()
  for await (const { records, next } of log.source.read({ topic: name, partition: 0, offset: 0 }, reading.signal)) {
    for (const { value } of records) found.push(JSON.parse(Buffer.from(value as Uint8Array).toString()))
    if (next >= end) break
  }
  return found
}

/** @returns records of the first events, all with one key */
export const eventsOf = (count: number, key = 'k'): { readonly key: string; readonly value: Event }[] =>
  Array.from({ length: count }, (_, i) => ({ key, value: { i } }))
