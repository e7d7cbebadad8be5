import {
  type App,
  type AppEvent,
  consume,
  json,
  type Log,
  memoryLog,
  produce,
  run,
  type StateStores,
  stream,
  type Table,
  table,
  text,
  topic,
} from '@joinery/core'
import { expect } from 'vitest'
import { atEnd } from './servers.js'

const PARTITIONS = 4
const LIMIT = { timeout: 30_000, interval: 20 }

const activations = topic('activation', { key: text(), value: json<{ n: number }>() })
const information = topic('information', { key: text(), value: json<{ id: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ n: number; id: string }>() })

interface Notification {
  readonly key: string
  readonly n: number
  readonly id: string
}

/**
 * An application, and a simple model of the outputs that it has to write: an event with a row is emitted at once with the
 * current row, other events when their row arrives. If the row of a key changes, wait for each step, so that the current row
 * is certain.
 */
export class TrialApplication {
  readonly #stores: StateStores
  readonly #log: Log<'exactly-once'>
  readonly #rows: Table<string, { id: string }> = table(information)
  #app: App | undefined
  #events: AppEvent[] = []
  #ended: Promise<unknown> = Promise.resolve()
  readonly #known = new Map<string, string>()
  readonly #waiting = new Map<string, number[]>()
  readonly #expected: Notification[] = []
  #count = 0

  constructor(stores: StateStores) {
    this.#stores = stores
    this.#log = memoryLog({ partitions: PARTITIONS, topics: { information: { cleanup: 'compact' } } })
  }

  static async on(stores: StateStores): Promise<TrialApplication> {
    const application = new TrialApplication(stores)
    await application.start()
    return application
  }

  /** Starts the next instance. It has no cache, so that each event reads its row from Redis. */
  async start(): Promise<void> {
    await this.#app?.close()
    this.#events = []
    const notify = stream(activations)
      .join(this.#rows, ({ n }, { id }) => ({ n, id }), {
        wait: { atMost: '30m', otherwise: { deadLetter: 'activation.dead' } },
      })
      .to(notifications)
    const app = await run(notify, {
      application: 'trial',
      log: this.#log,
      stores: this.#stores,
      cache: false,
      commitEvery: '10ms',
      onEvent: (event) => this.#events.push(event),
    })
    this.#app = app
    this.#ended = app.closed.then(
      () => undefined,
      (error: unknown) => error,
    )
    atEnd(() => app.close().catch(() => {})) // what ended it is in `ended`
    await app.ready
  }

  /** Resolves when the application has ended, with its error. */
  get ended(): Promise<unknown> {
    return this.#ended
  }

  /** What `health()` reports. */
  get problems(): readonly string[] {
    return this.#app?.health().problems ?? []
  }

  /** The reasons of `reopening` events since the start. */
  get reopened(): readonly string[] {
    return this.#events.flatMap((event) => (event.type === 'reopening' ? [event.reason] : []))
  }

  /** The messages of retries since the start. */
  get retried(): readonly string[] {
    return this.#events.flatMap((event) => (event.type === 'retrying' ? [event.error.message] : []))
  }

  /** The error codes of retries since the start, and `reopening`. */
  get failures(): readonly string[] {
    return this.#events.flatMap((event) =>
      event.type === 'retrying' ? [event.error.code] : event.type === 'reopening' ? [event.type] : [],
    )
  }

  /** @returns all events, metrics and health of the application */
  get told(): unknown {
    return { events: this.#events, health: this.#app?.health() }
  }

  /** @returns the number of rows that were restored from the log since the start */
  get restoredRows(): number {
    return this.#events.reduce((sum, event) => sum + (event.type === 'restored' ? event.rows : 0), 0)
  }

  /** Produces the rows of a range of keys (the end is exclusive), and waits until they are in the store. */
  async inform(version: string, from: number, to: number): Promise<void> {
    for (const [key, row] of await this.sendRows(version, from, to))
      await expect.poll(() => this.#ask(key), LIMIT).toBe(row)
  }

  /** As above, without waiting. */
  async sendRows(version: string, from: number, to: number): Promise<ReadonlyMap<string, string>> {
    const keys = Array.from({ length: to - from }, (_, i) => `product ${from + i}`)
    const rowOf = (key: string) => `${version} of ${key}`
    await produce(this.#log, information, ...keys.map((key) => ({ key, value: { id: rowOf(key) } })))
    for (const key of keys) {
      this.#known.set(key, rowOf(key))
      for (const n of this.#waiting.get(key) ?? []) this.#expected.push({ key, n, id: rowOf(key) })
      this.#waiting.delete(key)
    }
    return new Map(keys.map((key) => [key, rowOf(key)]))
  }

  /** Produces one event for each of a range of keys (the end is exclusive), and waits until they are processed. */
  async activate(from: number, to: number): Promise<void> {
    await this.sendEvents(from, to)
    await expect.poll(() => this.#app?.metrics().pipelines.activation?.in, LIMIT).toBe(this.#count)
  }

  /** As above, without waiting. */
  async sendEvents(from: number, to: number): Promise<void> {
    const events = Array.from({ length: to - from }, (_, i) => ({ key: `product ${from + i}`, n: ++this.#count }))
    await produce(this.#log, activations, ...events.map(({ key, n }) => ({ key, value: { n } })))
    for (const { key, n } of events) {
      const id = this.#known.get(key)
      if (id !== undefined) this.#expected.push({ key, n, id })
      else this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), n])
    }
  }

  /** Expects exactly the outputs of the model, in the order of each key. */
  async check(): Promise<void> {
    const waiting = [...this.#waiting.values()].flat().length
    await expect
      .poll(() => this.#app?.metrics().pipelines.activation, LIMIT)
      .toMatchObject({ in: this.#count, waiting, emitted: this.#expected.length })
    const written: Notification[] = []
    for await (const { key, value } of consume(this.#log, notifications, { until: 'end' }))
      written.push({ key: key as string, ...(value as { n: number; id: string }) })
    const byKey = (list: readonly Notification[]) => list.toSorted((a, b) => (a.key < b.key ? -1 : +(a.key > b.key)))
    expect(byKey(written)).toEqual(byKey(this.#expected))
  }

  async #ask(key: string): Promise<string | undefined> {
    try {
      return (await this.#app?.query(this.#rows).get(key))?.id
    } catch {
      return undefined // the task is reopening
    }
  }
}
