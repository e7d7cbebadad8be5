/** An event of the workload. */
export interface Activation {
  readonly activationId: string
  readonly productId: string
  readonly activatedAt: string
  readonly channel: string
}

interface SentEvent {
  readonly productId: string
  readonly at: number
  isCounted: boolean
  results: number
}

/** Records which events were sent, and counts their results. */
export class OutputLedger {
  readonly #externalIdOf: (productId: string) => string
  readonly #sent: SentEvent[] = []
  /** The first counted event without a result. */
  #oldest = 0
  #isCounting = false
  /** The events of the steady stream without a result. */
  outstanding = 0
  /** The events that wait for their row. */
  waiting = 0
  results = 0
  duplicates = 0
  wrong = 0
  /** When the latest result arrived. */
  lastAt = 0

  constructor(externalIdOf: (productId: string) => string) {
    this.#externalIdOf = externalIdOf
  }

  /** Starts the steady stream, whose events have a row. */
  startCounting(): void {
    this.#isCounting = true
  }

  /** @returns a new event, which the caller has to send at once */
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

  /** @returns how long the oldest event of the steady stream without a result has been waiting for it */
  oldestAgeMs(): number {
    for (; this.#oldest < this.#sent.length; this.#oldest++) {
      const { isCounted, results, at } = this.#sent[this.#oldest] as SentEvent
      if (isCounted && results === 0) return performance.now() - at
    }
    return 0
  }
}
