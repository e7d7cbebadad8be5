import type { UnresponsiveBrokers } from './unresponsive-brokers.js'

/** What counts for the order, besides what the brokers have done before. */
export interface OrderOptions {
  readonly unresponsive: UnresponsiveBrokers
  /** Whether there is a connection to use; default: to the current broker. */
  readonly isConnected?: ((node: number) => boolean) | undefined
  /** The broker that gets the request first. */
  readonly preferred?: number | undefined
  /** The broker that gets the request last. */
  readonly last?: number | undefined
}

/**
 * The order in which brokers get a request to which any of them can respond. The current one is the one that has responded last:
 * requests go to it until it is left, or does not respond.
 */
export class BrokerOrder {
  #current: number | undefined
  /** By broker that was left: a number that increases each time. */
  readonly #leftAt = new Map<number, number>()
  #departures = 0

  /** A broker has responded, the first of those that got the request. */
  responded(node: number): void {
    this.#current = node
  }

  /** The next requests go to another broker: to the one that was left longest ago. */
  leave(node: number | undefined = this.#current): void {
    if (node === undefined) return
    if (this.#current === node) this.#current = undefined
    this.#leftAt.set(node, ++this.#departures)
  }

  /** @returns the brokers, the one that gets the request first at the beginning */
  of(nodes: Iterable<number>, options: OrderOptions): readonly number[] {
    const { unresponsive, isConnected = (node) => node === this.#current, preferred, last } = options
    const rank = (node: number): number =>
      (node === last ? 8 : 0) +
      (unresponsive.isAvoided(node) ? 4 : 0) +
      (node === preferred ? 0 : 2) +
      (isConnected(node) ? 0 : 1)
    const leftAt = (node: number): number => this.#leftAt.get(node) ?? 0
    return [...nodes].sort((a, b) => rank(a) - rank(b) || leftAt(a) - leftAt(b))
  }
}
