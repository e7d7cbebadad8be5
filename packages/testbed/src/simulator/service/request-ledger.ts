/** One run of the function that makes a call. */
export interface Attempt {
  readonly id: string
  /** Its number among the claims of its call, and the time of the claim; together they identify the claim. */
  readonly attempt: number
  readonly claimedAt: number
  readonly idempotencyKey: string
  /** The body of the request. */
  readonly body: string
  readonly process: string
  /** Simulated times. */
  readonly begunAt: number
  /** When the request left the process; it cannot be recalled after that. */
  sentAt: number | undefined
  /** When the service received it. */
  receivedAt: number | undefined
  settledAt: number | undefined
  /** How the function ended. */
  ended: 'answered' | 'not sent' | 'unknown' | undefined
  /** The status of the reply. */
  status: number | undefined
}

/** Records every request, whatever happens to its sender. */
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
    const known = this.#attempts.get(attempt.id)
    if (known === undefined) this.#attempts.set(attempt.id, [attempt])
    else known.push(attempt)
    return attempt
  }

  /** The attempts of one call, in the order in which they started. */
  of(id: string): readonly Attempt[] {
    return this.#attempts.get(id) ?? []
  }

  get all(): readonly Attempt[] {
    return [...this.#attempts.values()].flat()
  }
}
