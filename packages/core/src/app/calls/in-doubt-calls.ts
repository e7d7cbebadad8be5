import { type Clock, systemClock } from '../../clock.js'
import type { Log } from '../../log/contract.js'
import { checkOptionNames } from '../../unknown-options.js'
import { ChangelogCalls } from './changelog-calls.js'
import type { InDoubtCalls } from './in-doubt-call.js'

/** Options of {@link inDoubtCalls}. */
export interface InDoubtCallsOptions {
  /** The application that makes the calls. */
  readonly application: string
  /** The log with its topics. */
  readonly log: Pick<Log, 'source' | 'sink'>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}

const IN_DOUBT_CALLS_OPTIONS: Readonly<Record<keyof InDoubtCallsOptions, true>> = {
  application: true,
  log: true,
  clock: true,
}

/**
 * Gives access to the calls in doubt of all pipelines of an application, for tools that resolve calls without running the
 * application. Only its name has to be known. Results are therefore passed as the bytes that the sink's value serde would
 * write, and a missing result is not detected here: the owner ignores such a decision, and the call stays in doubt. As any
 * pipeline may block other calls with the same key, every decision needs `claimantFinished` or `claimantHasEnded`.
 *
 * @returns an object that lists and resolves them, and reads nothing before that
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const calls = inDoubtCalls({ application: 'service-b', log })
 * for await (const call of calls.list()) {
 *   await calls.resolve(call, { outcome: 'abandoned', decidedBy: 'ops', reason: 'the product is gone', claimantHasEnded: true })
 * }
 * ```
 */
export function inDoubtCalls(options: InDoubtCallsOptions): InDoubtCalls<Uint8Array> {
  checkOptionNames('inDoubtCalls', options, IN_DOUBT_CALLS_OPTIONS)
  const { application, log, clock = systemClock } = options
  return new ChangelogCalls({ application, log, clock, plans: undefined })
}
