import type { SentActivation } from './accounting/ledger.js'
import { readable, type Terminal } from './terminal.js'
import type { Arrival, Sending, TrafficPlan } from './traffic/traffic-plan.js'

const MAX_CALLS = 12

/** Shows what happens to a few products, one for each kind of traffic: all of them would be too fast to read. */
export class Timeline {
  readonly #terminal: Terminal
  #startMs = performance.now()
  readonly #products: ReadonlySet<string>
  readonly #informed = new Set<string>()
  #calls = 0

  constructor(terminal: Terminal, plan: TrafficPlan) {
    this.#terminal = terminal
    const products = new Map<Arrival, string>()
    for (const { productId, type } of plan.sendings) {
      const arrival = plan.arrivals.get(productId)
      if (type === 'activation' && arrival !== undefined && !products.has(arrival)) products.set(arrival, productId)
    }
    this.#products = new Set(products.values())
  }

  /** Times count from now. */
  start(): void {
    this.#startMs = performance.now()
  }

  sent({ productId, type }: Sending): void {
    if (!this.#products.has(productId)) return
    if (type === 'information') {
      this.#informed.add(productId)
      this.#show(productId, 'information sent')
    } else if (this.#informed.has(productId)) this.#show(productId, 'activated')
    else
      this.#show(productId, `activated, but its information is missing: ${this.#terminal.colour('yellow', 'it waits')}`)
  }

  ended({ productId, sentAtMs, wasKnown, outcome }: SentActivation): void {
    if (!this.#products.has(productId) || outcome === undefined) return
    const after = readable(outcome.atMs - sentAtMs)
    if (outcome.what === 'dead-lettered')
      this.#show(productId, `${this.#terminal.colour('red', 'dead letter')} after ${after}: no information arrived`)
    else if (wasKnown) this.#show(productId, `${this.#terminal.colour('green', 'notified at once')} (${after})`)
    else this.#show(productId, `${this.#terminal.colour('cyan', 'notified')} after it waited ${after}`)
  }

  /** Shows what happens to a call, whatever its product. Only the first few: the accounting counts the rest. */
  call(activationId: string, text: string): void {
    this.#calls++
    if (this.#calls <= MAX_CALLS) this.#show(activationId, text)
    if (this.#calls === MAX_CALLS) this.#terminal.line('           ... and more of the same')
  }

  #show(productId: string, text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(2)
    this.#terminal.line(`${seconds.padStart(7)} s  ${productId.padEnd(14)} ${text}`)
  }
}
