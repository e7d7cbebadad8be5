import type { Sending } from '../traffic/traffic-plan.js'

/** An activation as the generator sent it, and when its outcome was read. Times are monotonic milliseconds. */
export interface SentActivation {
  readonly productId: string
  readonly sentAtMs: number
  /** Whether its information had been sent before: if not, it has to wait. */
  readonly wasKnown: boolean
  outcome: { readonly what: 'notified' | 'dead-lettered'; readonly atMs: number } | undefined
}

/** The demo's own account of the records that it sent and the outputs that it read, independent of the library. */
export class Ledger {
  readonly activations: Map<string, SentActivation> = new Map()
  /** When the log acknowledged a product's information; `undefined` until then. */
  readonly informed: Map<string, number | undefined> = new Map()
  notified = 0
  notifiedAtOnce = 0
  deadLettered = 0
  /** Activations whose result was read. */
  readonly activated: Set<string> = new Set()
  /** Tokens of claims that were reported as in doubt, and of those that were resolved. */
  readonly inDoubt: Set<string> = new Set()
  readonly resolved: Set<string> = new Set()

  /** Called right before something is sent. */
  sending(sending: Sending, atMs: number): void {
    const { productId } = sending
    if (sending.type === 'information') this.informed.set(productId, undefined)
    else
      this.activations.set(sending.activationId, {
        productId,
        sentAtMs: atMs,
        wasKnown: this.informed.has(productId),
        outcome: undefined,
      })
  }

  /** Called once the log has acknowledged it. */
  acknowledged(sending: Sending, atMs: number): void {
    if (sending.type === 'information') this.informed.set(sending.productId, atMs)
  }

  /**
   * Called for each output that is read from the topics.
   *
   * @returns the activation, if this is its first outcome
   */
  outcome(activationId: string, what: 'notified' | 'dead-lettered', atMs: number): SentActivation | undefined {
    const activation = this.activations.get(activationId)
    if (activation === undefined || activation.outcome !== undefined) return undefined
    activation.outcome = { what, atMs }
    if (what === 'dead-lettered') this.deadLettered++
    else this.notified++
    if (what === 'notified' && activation.wasKnown) this.notifiedAtOnce++
    return activation
  }

  /** How many of the sent activations have no outcome yet. */
  get open(): number {
    return this.activations.size - this.notified - this.deadLettered
  }
}
