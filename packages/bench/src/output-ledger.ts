/** An event of the workload. */
export interface Activation {
  readonly activationId: string
  readonly productId: string
  readonly activatedAt: string
  readonly channel: string
}

interface Sent {
  readonly productId: string
  readonly at: number
  isCounted: boolean
  results: number
}

/** Which events were sent, and what came of them. */
export class OutputLedger {
  readonly #externalIdOf: (productId: string) => string
  readonly #sent: Sent[] = []
  /** All counted events before this one have a result. */
  #oldest = 0
  #isCounting = false
  /** Events of the steady stream without a result. */
  outstanding = 0
  /** Events that wait without a result. */
  waiting = 0
  results = 0
  duplicates = 0
  wrong = 0
  /** When the latest result came. */
  lastAt = 0

  constructor(externalIdOf: (productId: string) => string) {
    this.#externalIdOf = externalIdOf
  }

  /** From here on events have their rows. */
  startCounting(): void {
    this.#isCounting = true
  }

  /** A new event, to be sent at once. */
  sent(productId: string): Activation {
    const activationId = `a-${this.#sent.length}`
    this.#sent.push({ productId, at: performance.now(), isCounted: this.#isCounting, results: 0 })
    if (this.#isCounting) this.outstanding++
    else this.waiting++
    return { activationId, productId, activatedAt: '2026-11-01T00:00:00.000000Z', channel: 'web' }
  }

  received({ activationId, productId, externalId }: Omit<Activation, 'channel'> & { externalId: string }): void {
    const event = this.#sent[Number(activationId.slice(2))]
    this.lastAt = performance.now()
    this.results++
    if (event === undefined || event.productId !== productId || externalId !== this.#externalIdOf(productId)) {
      this.wrong++
      return
    }
    if (++event.results > 1) this.duplicates++
    else if (event.isCounted) this.outstanding--
    else this.waiting--
  }

  /** How long the oldest event of the steady stream has been without its result. */
  oldestAgeMs(): number {
    for (; this.#oldest < this.#sent.length; this.#oldest++) {
      const { isCounted, results, at } = this.#sent[this.#oldest] as Sent
      if (isCounted && results === 0) return performance.now() - at
    }
    return 0
  }
}
