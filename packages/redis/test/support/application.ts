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
 * An application beside the plain computation of what it has to write: events with a row go out at once with the row of
 * today, the others when their row comes. A key whose row changes needs steps that are waited for, so that "today" is certain.
 */
export class TrialApplication {
  readonly #stores: StateStores
  readonly #log: Log<'exactly-once'>
  readonly #rows: Table<string, { id: string }> = table(information)
  #app: App | undefined
  #events: AppEvent[] = []
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

  /** Another instance, which follows the one before. There is no cache, so that each event asks Redis for its row. */
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
    atEnd(() => app.close())
    await app.ready
    this.#app = app
  }

  /** What has happened since the start: codes of what was tried again, and `reopening`. */
  get troubles(): readonly string[] {
    return this.#events.flatMap((event) =>
      event.type === 'retrying' ? [event.error.code] : event.type === 'reopening' ? [event.type] : [],
    )
  }

  /** Everything that it says of itself. */
  get told(): unknown {
    return { events: this.#events, health: this.#app?.health() }
  }

  /** Rows that were read from the log again, since the start. */
  get restoredRows(): number {
    return this.#events.reduce((sum, event) => sum + (event.type === 'restored' ? event.rows : 0), 0)
  }

  /** Rows of keys from one number up to before another, and waits until they are in the store. */
  async inform(version: string, from: number, to: number): Promise<void> {
    for (const [key, row] of await this.sendRows(version, from, to))
      await expect.poll(() => this.#ask(key), LIMIT).toBe(row)
  }

  /** The same, without waiting. */
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

  /** An event of each key from one number up to before another, and waits until they are processed. */
  async activate(from: number, to: number): Promise<void> {
    await this.sendEvents(from, to)
    await expect.poll(() => this.#app?.metrics().pipelines.activation?.in, LIMIT).toBe(this.#count)
  }

  /** The same, without waiting. */
  async sendEvents(from: number, to: number): Promise<void> {
    const events = Array.from({ length: to - from }, (_, i) => ({ key: `product ${from + i}`, n: ++this.#count }))
    await produce(this.#log, activations, ...events.map(({ key, n }) => ({ key, value: { n } })))
    for (const { key, n } of events) {
      const id = this.#known.get(key)
      if (id !== undefined) this.#expected.push({ key, n, id })
      else this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), n])
    }
  }

  /** Everything that was written, and nothing else, in the order of each key. */
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
      return undefined // it is being opened again
    }
  }
}
