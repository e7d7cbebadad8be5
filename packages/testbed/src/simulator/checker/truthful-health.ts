import type { RunningApp } from '../../../../core/src/app/running-app.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { Violation } from './violation.js'

const INTERVAL_MS = 500
/** A task that has not run for this long makes its application not ready: the session timeout of the simulated groups. */
const SESSION_MS = 10_000
/** `stalledAfter` of the instances. */
const STALLED_MS = 10_000
/** When a store call that took at least this long ends, that is progress. */
const LONG_STORE_CALL_MS = 5_000
/** Until a failure is noticed: requests time out. And a first restore after it, which is progress. */
const SLACK_MS = 10_000

/** What was seen of a task in one process. Times are simulated milliseconds. */
interface Observed {
  readonly process: string
  /** The task's phase, its session and how far it is, as text: restoring is progress, and so is the claim of a call. */
  readonly place: string
  /** Whether a call of a store takes long: its end is progress, too. */
  readonly isStoreLate: boolean
  /** The outcomes that are committed, as text. */
  readonly totals: string
  /** Since when the task has not run, and its application is ready: a commit shows that it has run between two checks. */
  readonly downSince: number
  /** Since when it has had work, with the same position. */
  readonly workSince: number
}

/**
 * While a fault lasts, `health()` says so: a task that does not run for longer than the session timeout makes its application not
 * ready, and a task that has work and commits nothing is stalled.
 */
export class HealthMonitor {
  readonly #context: SimContext
  readonly #instances: readonly Instance[]
  readonly #observed = new Map<string, Observed>()
  readonly violations: Violation[] = []

  constructor(context: SimContext, instances: readonly Instance[]) {
    this.#context = context
    this.#instances = instances
  }

  start(): void {
    this.#context.eventLoop.schedule(INTERVAL_MS, 'health is checked', () => {
      for (const instance of this.#instances) this.#check(instance)
      this.start()
    })
  }

  #check({ name, app, process }: Instance): void {
    const state = app?.health().state
    const isAtWork = state === 'running' || state === 'restoring'
    if (app === undefined || process === undefined || process.isPaused || !isAtWork) {
      this.#forget(name)
      return
    }
    const { tasks } = app as RunningApp
    this.#forget(name, new Set(tasks.map(({ partition }) => `${name}/${partition}`)))
    for (const task of tasks) this.#checkTask(name, process.name, app as RunningApp, task)
  }

  /**
   * Nothing is expected of a process that is down, paused or rebalancing, or was so a moment ago, nor of a task that it does not own.
   *
   * @param owned the tasks to remember
   */
  #forget(instance: string, owned: ReadonlySet<string> = new Set()): void {
    for (const key of [...this.#observed.keys()])
      if (key.startsWith(`${instance}/`) && !owned.has(key)) this.#observed.delete(key)
  }

  #checkTask(name: string, process: string, app: RunningApp, task: RunningApp['tasks'][number]): void {
    const { eventLoop, scenario } = this.#context
    const { now } = eventLoop
    const { partition, phase } = task
    const key = `${name}/${partition}`
    if (phase === 'paused' || phase === 'ended') {
      this.#observed.delete(key)
      return
    }
    // not the position in the log, which may show later what was committed
    const next = task.state?.inputs.map((input) => input.next)
    const calls = task.state?.callState?.calls.map(({ operator: { queue }, notSent }) => [
      queue.ready,
      notSent?.attempts,
    ])
    const totals = JSON.stringify(task.totals)
    const storeSince = task.health.storeCalls.oldest?.since ?? now
    const isStoreLate = now - storeSince > LONG_STORE_CALL_MS
    const place = JSON.stringify([phase, task.state?.session.token, totals, next, calls])
    const before = this.#observed.get(key)
    const same = before?.process === process ? before : undefined
    const hasStoreResponded = same?.isStoreLate === true && !isStoreLate
    const isDown = phase !== 'running'
    // each batch that a restore reads is progress, and those of reports may come one by one, each of them late
    const readsLate = phase === 'restoring' && scenario.reportsLagMs > 0
    const hasWork = (isDown || hasUnprocessed(task)) && !readsLate
    const { ready, started, stalled, problems } = app.health()
    const seen: Observed = {
      process,
      place,
      isStoreLate,
      totals,
      downSince: isDown && ready && same?.totals === totals ? same.downSince : now,
      workSince: hasWork && same?.place === place && !hasStoreResponded ? same.workSince : now,
    }
    this.#observed.set(key, seen)
    const downMs = now - Math.min(seen.downSince, storeSince)
    if (started && ready && downMs > SESSION_MS + INTERVAL_MS)
      this.#violates(
        partition,
        `${name} is ready, and task ${partition} has not run, or has waited for its stores, for ${Math.round(downMs)} ms`,
      )
    const waitsMs = STALLED_MS + scenario.commitEveryMs + (scenario.maxIdleMs ?? 0) + SLACK_MS
    const workMs = now - seen.workSince
    if (workMs > waitsMs && !stalled.some((each) => each.task === partition && each.reasons.length > 0))
      this.#violates(
        partition,
        `${name} does not say that task ${partition} has done nothing for ${Math.round(workMs)} ms; problems: ${problems.join(', ')}`,
      )
  }

  #violates(partition: number, text: string): void {
    this.violations.push({ law: 'health is the truth', text, partition })
  }
}

/** Whether a running task knows of records that it has not processed, or has not committed. */
function hasUnprocessed({ isIdle, state }: RunningApp['tasks'][number]): boolean {
  const isRead = state?.inputs.every(({ buffered, lag = 0 }) => buffered === 0 && lag === 0) ?? true
  // running calls hold up nothing
  return !isRead || (!isIdle && state?.callState === undefined)
}
