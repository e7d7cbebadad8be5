import { readable, type Terminal } from '../terminal.js'
import type { Arrival } from '../traffic/traffic-plan.js'
import type { Accounting } from './accounting.js'
import type { WaitingTimes } from './waiting-times.js'

/** The result of a run, which `--json` prints. */
export interface Report {
  /** Whether nothing disagrees. */
  readonly ok: boolean
  readonly interrupted: boolean
  readonly log: 'memory' | 'kafka'
  readonly seed: number
  readonly atMostMs: number
  /** Activations sent, by when the information of their product was to be sent. */
  readonly sent: Readonly<Record<Arrival, number>>
  readonly accounting: Accounting
  /** From sending to notification, where the information had been sent before the activation. */
  readonly passedAtOnce: WaitingTimes
  /** The same where the activation had to wait for it. */
  readonly waited: WaitingTimes
  /** Requests that the REST service has in its log. */
  readonly calls: number
  readonly maxCallsPerActivation: number
  /** Results that service B wrote. */
  readonly results: number
  /** How many calls were reported as in doubt, and how many of them have a result by now. */
  readonly inDoubt: number
  readonly resolved: number
  readonly tookMs: number
  /** The disagreements between the figures counted from outside and the library's own, as text. */
  readonly disagreements: readonly string[]
}

/** Prints the accounting as text. */
export function printReport(terminal: Terminal, report: Report): void {
  const { accounting, passedAtOnce, waited, sent } = report
  const row = (name: string, figure: number, text: string) =>
    terminal.line(
      `  ${name.padEnd(17)}${String(figure).padStart(9)}${text === '' ? '' : `   ${terminal.colour('dim', text)}`}`,
    )
  terminal.line()
  terminal.line(terminal.colour('bold', report.interrupted ? 'Accounting so far (interrupted)' : 'Accounting'))
  row('in', accounting.in, `activations sent; information ${before(sent)}`)
  row('emitted', accounting.emitted, 'read from the topic of notifications')
  row('  at once', passedAtOnce.count, times(passedAtOnce))
  row('  after waiting', waited.count, times(waited))
  row('dropped', accounting.dropped, '')
  row('dead-lettered', accounting.deadLettered, `no information within ${readable(report.atMostMs)}`)
  row('waiting', accounting.waiting, '')
  row('calls', report.calls, `in the REST service's log, at most ${report.maxCallsPerActivation} for one activation`)
  row('  results', report.results, 'read from the topic that service B writes')
  row('  in doubt', report.inDoubt, `reported by service B; ${report.resolved} of them resolved`)
  terminal.line()
  const { in: all, emitted, dropped, deadLettered, waiting } = accounting
  const sum = `${all} in = ${emitted} emitted + ${dropped} dropped + ${deadLettered} dead-lettered + ${waiting} waiting`
  if (report.ok) {
    terminal.line(terminal.colour('green', `${sum}, and app.metrics() agrees.`))
    terminal.line(terminal.colour('green', callsInWords(report)))
  }
  for (const found of report.disagreements) terminal.line(terminal.colour('red', `DISAGREES: ${found}`))
}

function callsInWords({ accounting, calls, inDoubt, resolved, interrupted }: Report): string {
  if (interrupted) return `${calls} calls for ${accounting.emitted} notifications; no activation was called twice.`
  const settled = resolved === 0 ? 'none was in doubt' : `${inDoubt} were in doubt, and all of them are resolved`
  return `${accounting.emitted} emitted = ${calls} calls, one for each activation; ${settled}.`
}

function before(sent: Readonly<Record<Arrival, number>>): string {
  return `before ${sent.before}, soon after ${sent.soon}, long after ${sent.late}, never ${sent.never}`
}

function times({ count, p50Ms, p99Ms, maxMs }: WaitingTimes): string {
  return count === 0
    ? ''
    : `half within ${readable(p50Ms)}, 99 % within ${readable(p99Ms)}, all within ${readable(maxMs)}`
}
