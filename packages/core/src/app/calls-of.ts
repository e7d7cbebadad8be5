import { type Clock, systemClock } from '../clock.js'
import type { Log } from '../log/contract.js'
import { type Calls, LoggedCalls } from './in-doubt-calls.js'

/** Options of {@link callsOf}. */
export interface CallsOfOptions {
  /** The application that makes the calls. */
  readonly application: string
  /** Where its topics are. */
  readonly log: Pick<Log, 'source' | 'sink'>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}

/**
 * The calls in doubt of all pipelines of an application, for tools that decide without running it: nothing of it has to be
 * known but its name. So a result is given as the bytes that the sink's value serde would write, and a decision without the
 * result that a sink needs is not noticed here: the owner ignores it, and the call stays in doubt. As a pipeline may
 * block a key's other calls, every decision needs `doubt.finished` or `claimantHasEnded`.
 *
 * @example
 * ```ts
 * const calls = callsOf({ application: 'service-b', log })
 * for await (const doubt of calls.inDoubt()) {
 *   await calls.resolve(doubt, { was: 'abandoned', by: 'ops', why: 'the product is gone', claimantHasEnded: true })
 * }
 * ```
 */
export function callsOf({ application, log, clock = systemClock }: CallsOfOptions): Calls<Uint8Array> {
  return new LoggedCalls({ application, log, clock, plans: undefined })
}
