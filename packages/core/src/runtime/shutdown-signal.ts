/**
 * A signal that aborts when the process is asked to stop. The first request starts a graceful shutdown; handlers are
 * then removed, so that a second one ends the process in the usual way.
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
    for (const name of names) process.off(name, stop)
    controller.abort(signal)
  }
  for (const name of names) process.on(name, stop)
  return controller.signal
}
