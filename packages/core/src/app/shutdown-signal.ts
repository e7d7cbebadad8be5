import { systemClock } from '../clock.js'

/** A terminal's Ctrl-C reaches a process under a package manager twice. */
const SAME_REQUEST_MS = 500

/**
 * A signal that aborts when the process is asked to stop. The first request starts a graceful shutdown; another one, half a
 * second later or more, ends the process in the usual way.
 *
 * @param signals default SIGTERM and SIGINT
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
