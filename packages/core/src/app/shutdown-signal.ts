import { systemClock } from '../clock.js'

/** Under a package manager, one Ctrl-C in a terminal reaches the process twice. */
const SAME_REQUEST_MS = 500

/**
 * Waits for termination signals. The first one starts a graceful shutdown; another one, at least half a second later, ends
 * the process as usual.
 *
 * @param signals default SIGTERM and SIGINT
 * @returns a signal for the option `signal` of `run`, which aborts when the process receives the first one
 *
 * @example
 * ```ts
 * await using app = await run(notify, { application: 'service-a', log, signal: shutdownSignal() })
 * await app.closed
 * ```
 */
export function shutdownSignal(...signals: readonly NodeJS.Signals[]): AbortSignal {
  const controller = new AbortController()
  const names = signals.length === 0 ? (['SIGTERM', 'SIGINT'] as const) : signals
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) return
    controller.abort(signal)
    systemClock.setTimeout(() => {
      for (const name of names) process.off(name, stop)
    }, SAME_REQUEST_MS)
  }
  for (const name of names) process.on(name, stop)
  return controller.signal
}
