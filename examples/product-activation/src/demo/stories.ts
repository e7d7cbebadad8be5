import type { SentActivation } from './ledger.js'
import { readable, type Screen } from './screen.js'
import type { Arrival, Sending, TrafficPlan } from './traffic-plan.js'

const MAX_CALLS = 12

/** Tells what happens to a few products, one of each kind of traffic: all of them would be too fast to read. */
export class Stories {
  readonly #screen: Screen
  #startMs = performance.now()
  readonly #products: ReadonlySet<string>
  readonly #informed = new Set<string>()
  #calls = 0

  constructor(screen: Screen, plan: TrafficPlan) {
    this.#screen = screen
    const products = new Map<Arrival, string>()
    for (const { productId, what } of plan.sendings) {
      const arrival = plan.arrivals.get(productId)
      if (what === 'activation' && arrival !== undefined && !products.has(arrival)) products.set(arrival, productId)
    }
    this.#products = new Set(products.values())
  }

  /** Times are from now on. */
  start(): void {
    this.#startMs = performance.now()
  }

  sent({ productId, what }: Sending): void {
    if (!this.#products.has(productId)) return
    if (what === 'information') {
      this.#informed.add(productId)
      this.#tell(productId, 'information sent')
    } else if (this.#informed.has(productId)) this.#tell(productId, 'activated')
    else
      this.#tell(productId, `activated, but its information is missing: ${this.#screen.colour('yellow', 'it waits')}`)
  }

  ended({ productId, sentAtMs, wasKnown, outcome }: SentActivation): void {
    if (!this.#products.has(productId) || outcome === undefined) return
    const after = readable(outcome.atMs - sentAtMs)
    if (outcome.what === 'dead-lettered')
      this.#tell(productId, `${this.#screen.colour('red', 'dead letter')} after ${after}: no information came`)
    else if (wasKnown) this.#tell(productId, `${this.#screen.colour('green', 'notified at once')} (${after})`)
    else this.#tell(productId, `${this.#screen.colour('cyan', 'notified')} after it waited ${after}`)
  }

  /** What happens to a call, whatever its product: the first few, the accounting counts the rest. */
  call(activationId: string, text: string): void {
    this.#calls++
    if (this.#calls <= MAX_CALLS) this.#tell(activationId, text)
    if (this.#calls === MAX_CALLS) this.#screen.line('           ... and more of the same')
  }

  #tell(productId: string, text: string): void {
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(2)
    this.#screen.line(`${seconds.padStart(7)} s  ${productId.padEnd(14)} ${text}`)
  }
}
