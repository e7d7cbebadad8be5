import { isJoineryError } from '../../errors.js'
import type { Refusal } from '../../outcome/effects.js'
import { ORIGIN_HEADER } from '../../outcome/headers.js'

const NUL = '\0'

/**
 * The outputs of a task that the log has refused for good. The task is reopened, and writes dead letters in their place.
 * Each refusal is kept across reopening, until its dead letter is committed.
 */
export class RefusedOutputs {
  readonly #refusals = new Map<string, Refusal>()

  /**
   * Remembers the outputs because of which a commit was rejected.
   *
   * @returns whether there are any that were not known, so that the task gets further when it is reopened
   */
  add(cause: unknown): boolean {
    if (!isJoineryError(cause, 'RECORD_REFUSED')) return false
    const known = this.#refusals.size
    for (const { topic, headers, reason } of cause.refused ?? []) {
      const origin = headers.findLast(([name]) => name === ORIGIN_HEADER)?.[1]
      if (origin == null) continue
      const id = idOf(topic, origin)
      this.#refusals.set(id, { reason, times: (this.#refusals.get(id)?.times ?? 0) + 1 })
    }
    return this.#refusals.size > known
  }

  find(topic: string, origin: Uint8Array): Refusal | undefined {
    return this.#refusals.size === 0 ? undefined : this.#refusals.get(idOf(topic, origin))
  }

  /** The dead letter for the output is in the log. */
  delete(topic: string, origin: Uint8Array): void {
    this.#refusals.delete(idOf(topic, origin))
  }
}

const idOf = (topic: string, origin: Uint8Array): string => `${topic}${NUL}${Buffer.from(origin)}`
