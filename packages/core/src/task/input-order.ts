/** The properties of an input that {@link chooseInput} uses. */
export interface OrderedInput {
  /** The timestamp of the next buffered record; `undefined` when nothing is buffered. */
  readonly headTimestamp: number | undefined
  /**
   * Number of offsets between the last fetched record and the known end offset; `undefined` if no end offset is known.
   */
  readonly lag: number | undefined
  /** On equal timestamps the lower rank goes first: tables before streams. */
  readonly rank: number
  /** A blocked input is ignored, so that the others can unblock it. */
  readonly isPaused: boolean
  /** Since when the input has been empty and caught up, in milliseconds; maintained by {@link chooseInput}. */
  idleSince: number | undefined
}

/** The input to take from; or `until`: when to choose again at the latest (`undefined`: when something arrives). */
export type Choice<I> =
  | { readonly type: 'take'; readonly input: I; readonly before: number }
  | { readonly type: 'wait'; readonly until: number | undefined }

/**
 * Chooses the input whose next record has the lowest timestamp, as Kafka Streams' tasks do (KIP-695). An input with
 * nothing buffered, but more to fetch, is waited for; one that is caught up is waited for up to `maxIdleMs` (-1: no
 * input is ever waited for).
 *
 * @returns the input, and `before`: the lowest timestamp of the others, up to which the input may be read
 */
export function chooseInput<I extends OrderedInput>(inputs: readonly I[], maxIdleMs: number, now: number): Choice<I> {
  let take: I | undefined
  let before = Number.POSITIVE_INFINITY
  let until: number | undefined
  let mustWait = false
  for (const input of inputs) {
    if (input.isPaused) continue
    const { headTimestamp } = input
    if (headTimestamp === undefined) {
      if (maxIdleMs < 0) continue
      if (input.lag !== 0) {
        input.idleSince = undefined
        mustWait = true
        continue
      }
      input.idleSince ??= now
      const over = input.idleSince + maxIdleMs
      if (over > now) {
        mustWait = true
        until = Math.min(until ?? over, over)
      }
      continue
    }
    input.idleSince = undefined
    const best = take?.headTimestamp
    if (
      take === undefined ||
      best === undefined ||
      headTimestamp < best ||
      (headTimestamp === best && input.rank < take.rank)
    ) {
      if (best !== undefined) before = Math.min(before, best)
      take = input
    } else before = Math.min(before, headTimestamp)
  }
  return take === undefined || mustWait ? { type: 'wait', until } : { type: 'take', input: take, before }
}
