const INTERVAL_MS = 50

/** Measures the longest time in which no output came although events were there. */
export class OutputSilence {
  readonly #timer: NodeJS.Timeout
  #longestMs = 0

  /**
   * @param emitted returns the number of outputs so far
   * @param events those that were acknowledged: each has an output soon
   */
  constructor(emitted: () => number, events: { readonly acknowledged: number }) {
    let latest = performance.now()
    let before = emitted()
    this.#timer = setInterval(() => {
      const now = performance.now()
      const count = emitted()
      this.#longestMs = Math.max(this.#longestMs, count < events.acknowledged ? now - latest : 0)
      if (count > before || count >= events.acknowledged) latest = now
      before = count
    }, INTERVAL_MS)
  }

  get longestMs(): number {
    return this.#longestMs
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
