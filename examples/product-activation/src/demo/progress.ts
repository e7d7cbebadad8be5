import { setTimeout as delay } from 'node:timers/promises'
import type { Ledger } from './accounting/ledger.js'
import type { RestService } from './rest-service/rest-service.js'
import type { Service } from './services/service.js'
import type { Terminal } from './terminal.js'

const POLL_MS = 20
const LIVE_STATUS_MS = 100
const PLAIN_STATUS_MS = 500
/** If nothing changes for this long, in addition to the waiting time, the run is stuck. */
const STALL_MS = 30_000
/** How long after an interrupt service A may take in what was sent before it. */
const DRAIN_MS = 3_000

/** A run in progress. */
export interface RunningDemo {
  readonly ledger: Ledger
  readonly rest: RestService
  readonly serviceA: Service
  readonly terminal: Terminal
  readonly atMostMs: number
  /** The interrupt. */
  readonly signal: AbortSignal
  readonly isSending: () => boolean
  /** The errors that stopped parts of it. */
  readonly failures: readonly unknown[]
}

/**
 * Shows the progress until everything that was sent has its outcome, its call, and that call's result; after an interrupt,
 * until service A has taken in what was sent. It does not wait for a part that is stuck: the accounting reveals that.
 *
 * @throws the failure of a part
 */
export async function showProgress(demo: RunningDemo): Promise<void> {
  const { terminal, failures, signal, atMostMs } = demo
  const every = terminal.isLive ? LIVE_STATUS_MS : PLAIN_STATUS_MS
  const started = performance.now()
  let shownAt = started
  let shown = -1
  let progress = -1
  let progressAt = started
  let interruptedAt: number | undefined
  while (!(await isOver(demo))) {
    if (failures.length > 0) throw failures[0]
    const now = performance.now()
    if (signal.aborted) interruptedAt ??= now
    if (interruptedAt !== undefined && now > interruptedAt + DRAIN_MS) break
    if (progress !== progressOf(demo)) {
      progress = progressOf(demo)
      progressAt = now
    } else if (now > progressAt + atMostMs + STALL_MS) break
    // without a live status line, only changes are printed
    if (now >= shownAt + every && (terminal.isLive || shown !== progress)) {
      shownAt = now
      shown = progress
      terminal.status(status(demo, now - started))
    }
    await delay(POLL_MS)
  }
  if (!terminal.isLive && shown !== progressOf(demo)) terminal.status(status(demo, performance.now() - started))
  terminal.status('')
}

async function isOver({ ledger, serviceA, signal, isSending }: RunningDemo): Promise<boolean> {
  if (isSending()) return false
  if (!signal.aborted) return ledger.open === 0 && ledger.activated.size >= ledger.notified
  const { pipelines } = await serviceA.metrics()
  return Object.values(pipelines).every((pipeline) => pipeline.in >= ledger.activations.size)
}

const progressOf = ({ ledger, rest }: RunningDemo): number =>
  [ledger.activations, ledger.activated, ledger.inDoubt, ledger.resolved].reduce((sum, { size }) => sum + size, 0) +
  ledger.notified +
  ledger.deadLettered +
  rest.calls.length

function status({ ledger, rest }: RunningDemo, sinceMs: number): string {
  const { notified, notifiedAtOnce, deadLettered, activations, open, activated, inDoubt, resolved } = ledger
  return [
    `${(sinceMs / 1_000).toFixed(2).padStart(7)} s  sent ${activations.size}`,
    `at once ${notifiedAtOnce}`,
    `after waiting ${notified - notifiedAtOnce}`,
    `waiting ${open}`,
    `dead ${deadLettered}`,
    `calls ${rest.calls.length}`,
    `results ${activated.size}`,
    `in doubt ${inDoubt.size}, resolved ${resolved.size}`,
  ].join(' | ')
}
