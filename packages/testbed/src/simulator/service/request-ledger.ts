/** One run of the function that makes a call. */
export interface Attempt {
  readonly id: string
  /** Its place among the claims of its call, and when that was written: together they name the claim. */
  readonly attempt: number
  readonly claimedAt: number
  readonly idempotencyKey: string
  /** What it sends. */
  readonly body: string
  readonly process: string
  /** World times. */
  readonly begunAt: number
  /** When the request left the process; it cannot be taken back then. */
  sentAt: number | undefined
  /** When the service read it. */
  receivedAt: number | undefined
  settledAt: number | undefined
  /** How the function ended. */
  ended: 'answered' | 'not sent' | 'unknown' | undefined
  /** What the service answered. */
  status: number | undefined
}

/** Remembers every request, whatever happens to those who made it. */
export class RequestLedger {
  readonly #attempts = new Map<string, Attempt[]>()

  begin(begun: Omit<Attempt, 'sentAt' | 'receivedAt' | 'settledAt' | 'ended' | 'status'>): Attempt {
    const attempt: Attempt = {
      ...begun,
      sentAt: undefined,
      receivedAt: undefined,
      settledAt: undefined,
      ended: undefined,
      status: undefined,
    }
    const known = this.#attempts.get(begun.id)
    if (known === undefined) this.#attempts.set(begun.id, [attempt])
    else known.push(attempt)
    return attempt
  }

  /** Of one call, in the order in which they began. */
  of(id: string): readonly Attempt[] {
    return this.#attempts.get(id) ?? []
  }

  get all(): readonly Attempt[] {
    return [...this.#attempts.values()].flat()
  }
}
