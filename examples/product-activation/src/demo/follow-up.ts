import { setTimeout as delay } from 'node:timers/promises'
import type { RestService } from '../rest-service/rest-service.js'
import type { Ledger } from './ledger.js'
import type { Screen } from './screen.js'
import type { Service } from './service.js'

const LOOK_MS = 20
const LIVE_STATUS_MS = 100
const PLAIN_STATUS_MS = 500
/** Beyond the waiting time: when nothing happens for so long, nothing will. */
const STALL_MS = 30_000
/** So long after an interrupt, service A may take in what was sent before it. */
const DRAIN_MS = 3_000

/** A run that is going on. */
export interface RunningDemo {
  readonly ledger: Ledger
  readonly rest: RestService
  readonly serviceA: Service
  readonly screen: Screen
  readonly atMostMs: number
  /** The interrupt. */
  readonly signal: AbortSignal
  readonly isSending: () => boolean
  /** What stopped a part of it. */
  readonly failures: readonly unknown[]
}

/**
 * Shows how things stand until everything that was sent has its outcome, its call, and that call's result; after an interrupt, until service A
 * has taken in what was sent. Whoever gets stuck is not waited for: the accounting tells.
 *
 * @throws the failure of a part
 */
export async function followUp(demo: RunningDemo): Promise<void> {
  const { screen, failures, signal, atMostMs } = demo
  const every = screen.isLive ? LIVE_STATUS_MS : PLAIN_STATUS_MS
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
    // a line of its own is for news alone
    if (now >= shownAt + every && (screen.isLive || shown !== progress)) {
      shownAt = now
      shown = progress
      screen.status(status(demo, now - started))
    }
    await delay(LOOK_MS)
  }
  if (!screen.isLive && shown !== progressOf(demo)) screen.status(status(demo, performance.now() - started))
  screen.status('')
}

async function isOver({ ledger, serviceA, signal, isSending }: RunningDemo): Promise<boolean> {
  if (isSending()) return false
  if (!signal.aborted) return ledger.open === 0 && ledger.activated.size >= ledger.notified
  const { pipelines } = await serviceA.metrics()
  return Object.values(pipelines).every((pipeline) => pipeline.in >= ledger.activations.size)
}

const progressOf = ({ ledger, rest }: RunningDemo): number =>
  [ledger.activations, ledger.activated, ledger.doubts, ledger.decided].reduce((sum, { size }) => sum + size, 0) +
  ledger.notified +
  ledger.deadLettered +
  rest.calls.length

function status({ ledger, rest }: RunningDemo, sinceMs: number): string {
  const { notified, notifiedAtOnce, deadLettered, activations, open, activated, doubts, decided } = ledger
  return [
    `${(sinceMs / 1_000).toFixed(2).padStart(7)} s  sent ${activations.size}`,
    `at once ${notifiedAtOnce}`,
    `after waiting ${notified - notifiedAtOnce}`,
    `waiting ${open}`,
    `dead ${deadLettered}`,
    `calls ${rest.calls.length}`,
    `results ${activated.size}`,
    `in doubt ${doubts.size}, decided ${decided.size}`,
  ].join(' | ')
}
