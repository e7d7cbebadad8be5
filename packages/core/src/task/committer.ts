import { failpoint } from '@joinery/failpoint'
import { POSITION_KEY } from '../changelog/keys.js'
import { encodePosition, type InputPosition } from '../changelog/position-record.js'
import { type Clock, delay } from '../clock.js'
import { isJoineryError, type JoineryError } from '../errors.js'
import type { CommitResult, TopicInfo } from '../log/contract.js'
import type { CallEvent, Outcome } from '../outcome/effects.js'
import { copyTotals, type Totals } from '../outcome/totals.js'
import { mustRestoreStore, type TaskStore } from './stores/task-store.js'
import type { TaskState } from './task-state.js'
import type { UncommittedWork } from './uncommitted-work.js'
import type { WriteBatch } from './write-batch.js'

/** How a commit ended. Unless it is `'committed'`, the task is reopened for the given reason. */
export type CommitEnd = 'committed' | { readonly reopenReason: string }

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 5_000

/** Options of {@link Committer}. */
export interface CommitterOptions {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly clock: Clock
  /** Aborts when the task ends without a commit. */
  readonly signal: AbortSignal
  readonly outcomes: (outcomes: readonly (Outcome | CallEvent)[]) => void
  /** Whether the calls may be made whose claims a commit holds. */
  readonly mayCall: () => boolean
  readonly retrying: (error: JoineryError, inMs: number) => void
}

type CommitterPhase = 'idle' | 'committing' | 'following' | 'over'

const NEXT: Readonly<Record<CommitterPhase, readonly CommitterPhase[]>> = {
  idle: ['committing'],
  committing: ['following', 'over'],
  following: ['idle', 'over'],
  over: [],
}

/**
 * Commits a task's work: outputs, changelog records and POSITION in one transaction, which is then applied to the stores.
 *
 * ```text
 *            commit()              the log has it             the stores have it
 *   idle ──────────────► committing ────────────► following ─────────────────────► idle
 *                            │                        │
 *                            │ rejected, unclear      │ a store is fenced
 *                            │ or fenced              │ or behind
 *                            └────────► over ◄────────┘
 * ```
 *
 * A committer that is `over` commits nothing more: the task opens again, with another one. The same is true after an error.
 */
export class Committer {
  readonly #state: TaskState
  readonly #work: UncommittedWork
  readonly #options: CommitterOptions
  readonly #partitions: number
  #phase: CommitterPhase = 'idle'
  /** As of the last commit, by pipeline. */
  totals: Readonly<Record<string, Totals>>

  constructor(state: TaskState, work: UncommittedWork, options: CommitterOptions) {
    this.#state = state
    this.#work = work
    this.#options = options
    this.#partitions = options.inputs.values().next().value?.partitions ?? 1
    this.totals = this.#totals()
  }

  /** Commits the current batch. Only one commit runs at a time. */
  async commit(): Promise<CommitEnd> {
    this.#enter('committing')
    const batch = this.#work.take()
    const totals = this.#totals()
    const next = new Map(this.#state.inputs.map((input) => [input.topic, input.next]))
    const position = encodePosition({
      at: this.#options.clock.now(),
      inputs: Object.fromEntries([...next].map(([topic, offset]) => [topic, this.#inputPosition(topic, offset)])),
      partitions: this.#partitions,
      hash: this.#state.hash,
      totals,
    })
    const sentAt = this.#state.logTimeMs()
    const sent = this.#options.clock.monotonic()
    failpoint('commit.begun')
    const result = await this.#state.session.commit({
      outputs: batch.outputs,
      ...(batch.buffered && { buffered: batch.buffered }),
      changelog: [...batch.changelog, { key: POSITION_KEY, value: position }],
      offsets: next,
    })
    if (result.outcome !== 'committed') return this.#over(whyOf(result))
    failpoint('commit.committed')
    this.#enter('following')
    this.totals = totals
    batch.committed({ sentAt: sent, mayCall: this.#options.mayCall() })
    this.#options.outcomes(batch.outcomes)
    if (!(await this.#follow(batch, next, result.changelogOffset, sentAt)))
      return this.#over('a store is fenced or behind')
    this.#work.stored()
    this.#enter('idle')
    return 'committed'
  }

  /**
   * Applies a commit to the stores. The log has it already: a store that fails is retried, and nothing is rolled back.
   */
  async #follow(
    batch: WriteBatch,
    next: ReadonlyMap<string, number>,
    changelogOffset: number,
    sentAt: number,
  ): Promise<boolean> {
    const followers: readonly (readonly [TaskStore, number])[] = [
      [this.#state.waiters, changelogOffset],
      ...(this.#state.callState === undefined ? [] : [[this.#state.callState.store.store, changelogOffset] as const]),
      ...this.#state.tables.map(
        ({ store, inChangelog, plan }) =>
          [store, inChangelog ? changelogOffset : (next.get(plan.topic) as number)] as const,
      ),
    ]
    // the owner has seen all of the changelog as of when it sent the commit; by the time of the response there may be another owner
    this.#state.waiters.reached(sentAt)
    this.#state.callState?.store.store.reached(sentAt)
    for (const { store, inChangelog } of this.#state.tables) if (inChangelog) store.reached(sentAt)
    for (const [store, at] of followers) {
      const changes = batch.stores.get(store.name)
      if (changes === undefined && !store.isSaveDue) continue
      if (!(await this.#write(store, [...(changes?.values() ?? [])], at))) return false
      if (changes !== undefined) store.rows.followed(changes)
    }
    return true
  }

  async #write(store: TaskStore, changes: Parameters<TaskStore['commit']>[0], at: number): Promise<boolean> {
    const { clock, signal, retrying } = this.#options
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      try {
        failpoint('store.writing')
        const done = store.commit(changes, at)
        if (done instanceof Promise) await done
        failpoint('store.written')
        return true
      } catch (error) {
        if (mustRestoreStore(error)) return false
        if (!isJoineryError(error) || !error.retriable) throw error
        retrying(error, wait)
        await delay(clock, wait, signal)
      }
    }
    return false
  }

  #over(reopenReason: string): CommitEnd {
    this.#enter('over')
    return { reopenReason }
  }

  #enter(phase: CommitterPhase): void {
    if (!NEXT[this.#phase].includes(phase)) throw new Error(`a committer cannot go from ${this.#phase} to ${phase}`)
    this.#phase = phase
  }

  #inputPosition(topic: string, next: number): InputPosition {
    const { id } = this.#options.inputs.get(topic) as TopicInfo
    const table = this.#state.tables.find(({ plan, inChangelog }) => plan.topic === topic && !inChangelog)
    if (table?.skippedBefore === undefined) return { id, next }
    return { id, next, skipped: table.skippedBefore + table.skipped }
  }

  #totals(): Record<string, Totals> {
    const operators = [...this.#state.pipelines, ...(this.#state.callState?.calls ?? [])].map(
      ({ operator }) => operator,
    )
    return Object.fromEntries(operators.map(({ plan, totals }) => [plan.name, copyTotals(totals)]))
  }
}

function whyOf({ outcome, cause }: Exclude<CommitResult, { outcome: 'committed' }>): string {
  const because = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`
  return `a commit was ${outcome}${because}`
}
