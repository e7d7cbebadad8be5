import type { Clock, Timer } from '../../clock.js'

/** How often an instance commits. */
export interface CommitInterval {
  /**
   * The minimum average interval between commits, in milliseconds: tasks commit as soon as they have processed what they have
   * read. `undefined`: they commit only after `maxMs`, or at the largest size.
   */
  readonly minMs: number | undefined
  /** The longest time from the first change until its commit is due, in milliseconds. */
  readonly maxMs: number
}

/** A task with uncommitted work. */
export interface ScheduledTask {
  /** The task commits at the next opportunity. */
  commitDue(): void
}

/** The uncommitted work of a task. */
interface PendingWork {
  /** When the first change was made, in monotonic milliseconds. */
  readonly since: number
  bytes: number
  /** Whether the task can process nothing more now. */
  isIdle: boolean
}

/** The capacity of the token bucket: after an idle period, this many commits may begin without waiting for `minMs`. */
const BURST = 4
/** The pause after a commit, as a multiple of the mean duration of commits: brokers write the markers during it. */
const PAUSE_FACTOR = 2
/** The weight of the latest commit in the mean duration: one slow commit must not delay the work that has arrived since. */
const MEAN_WEIGHT = 1 / 8

/**
 * Decides when the tasks of an instance commit. They commit at the same time, because a log may write their work in one transaction.
 * A commit is due
 *
 * - as soon as a task has processed what it has read and no commit is in flight, at most once per `minMs` on average, in bursts
 *   of up to four, and after a pause of twice the mean duration of commits;
 * - at the latest `maxMs` after the first change, or when the changes of all tasks together reach the largest size.
 */
export class CommitSchedule {
  readonly #clock: Clock
  readonly #interval: CommitInterval
  readonly #maxBytes: number
  /** The task with the oldest change comes first. */
  readonly #pending = new Map<ScheduledTask, PendingWork>()
  #pendingBytes = 0
  #idleTasks = 0
  /** The number of commits in flight. */
  #running = 0
  /** A token bucket: the commits that may begin without waiting for `minMs`. */
  #burst = BURST
  #refilledAt: number
  /** The moving average of the duration of commits, in milliseconds. */
  #meanMs = Number.NaN
  #pausedUntil = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, interval: CommitInterval, maxBytes: number) {
    this.#clock = clock
    this.#interval = interval
    this.#maxBytes = maxBytes
    this.#refilledAt = clock.monotonic()
  }

  /**
   * Records the uncommitted work of a task. Calls {@link ScheduledTask.commitDue} now or later, once.
   *
   * @param since when the first change was made, in monotonic milliseconds
   * @param isIdle whether the task can process nothing more now
   */
  update(task: ScheduledTask, since: number, bytes: number, isIdle: boolean): void {
    let work = this.#pending.get(task)
    if (work === undefined) {
      work = { since, bytes: 0, isIdle: false }
      this.#pending.set(task, work)
    }
    this.#pendingBytes += bytes - work.bytes
    this.#idleTasks += Number(isIdle) - Number(work.isIdle)
    work.bytes = bytes
    work.isIdle = isIdle
    this.#commitIfDue()
  }

  /** Removes the work of a task that begins a commit, or has nothing to commit. */
  remove(task: ScheduledTask): void {
    const work = this.#pending.get(task)
    if (work === undefined) return
    this.#pending.delete(task)
    this.#pendingBytes -= work.bytes
    this.#idleTasks -= Number(work.isIdle)
    if (this.#pending.size === 0) this.#cancelTimer()
  }

  /**
   * Records that a task begins a commit, because it is due or for another reason.
   *
   * @returns a function to call when the commit has ended
   */
  beginCommit(task: ScheduledTask): () => void {
    this.remove(task)
    const began = this.#clock.monotonic()
    // tasks that begin together share a transaction
    const isFirst = this.#running++ === 0
    if (isFirst) {
      this.#refill(began)
      this.#burst = Math.max(0, this.#burst - 1)
    }
    return () => {
      this.#running--
      const now = this.#clock.monotonic()
      if (isFirst) this.#recordDuration(now - began)
      this.#pausedUntil = now + Math.min(this.#meanMs * PAUSE_FACTOR, this.#interval.maxMs)
      this.#commitIfDue()
    }
  }

  #recordDuration(ms: number): void {
    const tookMs = Math.min(ms, this.#interval.maxMs)
    this.#meanMs = Number.isNaN(this.#meanMs) ? tookMs : this.#meanMs + (tookMs - this.#meanMs) * MEAN_WEIGHT
  }

  #commitIfDue(): void {
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return
    const now = this.#clock.monotonic()
    const at =
      this.#pendingBytes >= this.#maxBytes ? now : Math.min(oldest.since + this.#interval.maxMs, this.#idleAt(now))
    if (at <= now) this.#commitAll()
    else this.#wakeAt(at)
  }

  /** @returns when the tasks may commit because one of them is idle */
  #idleAt(now: number): number {
    const { minMs } = this.#interval
    if (minMs === undefined || this.#idleTasks === 0 || this.#running > 0) return Number.POSITIVE_INFINITY
    this.#refill(now)
    const tokenAt = this.#burst >= 1 ? now : now + (1 - this.#burst) * minMs
    return Math.max(this.#pausedUntil, tokenAt)
  }

  #refill(now: number): void {
    const { minMs = 0 } = this.#interval
    const refilled = minMs === 0 ? BURST : (now - this.#refilledAt) / minMs
    this.#burst = Math.min(BURST, this.#burst + refilled)
    this.#refilledAt = now
  }

  #commitAll(): void {
    const tasks = [...this.#pending.keys()]
    this.#pending.clear()
    this.#pendingBytes = 0
    this.#idleTasks = 0
    this.#cancelTimer()
    for (const task of tasks) task.commitDue()
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return
    this.#cancelTimer()
    this.#timerAt = at
    const wake = () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#commitIfDue()
    }
    this.#timer = this.#clock.setTimeout(wake, Math.max(0, at - this.#clock.monotonic()))
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timerAt = Number.POSITIVE_INFINITY
  }
}
