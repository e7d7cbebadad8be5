import type { EventLoop } from '../event-loop.js'
import { type ApiRanges, apiRanges, type Release } from './broker-releases.js'
import type { ClusterView } from './cluster-view.js'
import { FetchSessions } from './fetch-sessions.js'

/** The broker's end of a connection. */
export interface BrokerEnd {
  /** Processes the next request, unless the broker cannot now. */
  readonly process: () => void
  close(): void
}

/** A thawed broker processes what was sent to it within this time. */
const CATCH_UP_MS = 20

/** One broker: its release, its connections, and whether it works. */
export class SimBroker {
  readonly node: number
  readonly host: string
  readonly port = 9092
  readonly connections: Set<BrokerEnd> = new Set()
  readonly fetchSessions: FetchSessions = new FetchSessions()
  readonly #eventLoop: EventLoop
  #release: Release
  #apis: ApiRanges
  /** Whether others have taken over its partitions and coordinators. */
  isFenced = false
  /** What it takes for the leaders and coordinators, if that is outdated. */
  staleView: ClusterView | undefined
  /** Since when it may be outdated, in simulated milliseconds. */
  staleSince = 0
  /** How often it was frozen, stopped, thawed or started. */
  changes = 0
  #state: 'up' | 'frozen' | 'down' = 'up'
  #thawed: (() => void)[] = []

  constructor(eventLoop: EventLoop, node: number, release: Release) {
    this.#eventLoop = eventLoop
    this.node = node
    this.host = `broker-${node}`
    this.#release = release
    this.#apis = apiRanges(release)
  }

  get release(): Release {
    return this.#release
  }

  /** Whether it accepts connections and requests, and processes nothing. */
  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  get isDown(): boolean {
    return this.#state === 'down'
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** The versions of the APIs that it has. */
  get apis(): ApiRanges {
    return this.#apis
  }

  /** Ends all connections, and comes back without an API. */
  lose(key: number): void {
    this.#apis = this.#apis.filter(({ apiKey }) => apiKey !== key)
    this.#disconnect()
  }

  freeze(view: ClusterView): void {
    this.#state = 'frozen'
    if (this.staleView === undefined) this.staleSince = this.#eventLoop.now
    this.staleView ??= view
    this.changes++
  }

  /** Processes what has arrived in the meantime. */
  thaw(): void {
    if (!this.isFrozen) return
    this.#state = 'up'
    this.changes++
    for (const thawed of this.#thawed.splice(0)) thawed()
    for (const connection of this.connections)
      this.#eventLoop.schedule(
        this.#eventLoop.random.next() * CATCH_UP_MS,
        `broker ${this.node} catches up`,
        connection.process,
      )
  }

  /** Resolves when it works. */
  async whenThawed(): Promise<void> {
    while (this.isFrozen) await new Promise<void>((resolve) => this.#thawed.push(resolve))
  }

  /** Ends all connections. */
  stop(): void {
    this.#state = 'down'
    this.staleView = undefined
    this.changes++
    this.fetchSessions.clear()
    this.#disconnect()
    for (const thawed of this.#thawed.splice(0)) thawed()
  }

  start(release: Release = this.#release): void {
    if (!this.isDown) return
    this.#state = 'up'
    this.#release = release
    this.#apis = apiRanges(release)
    this.changes++
  }

  #disconnect(): void {
    for (const connection of [...this.connections]) connection.close()
  }
}
