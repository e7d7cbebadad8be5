import { failpoint } from '@joinery/failpoint'
import { POSITION_KEY } from '../../changelog/keys.js'
import { encodePosition, type InputPosition } from '../../changelog/position-record.js'
import { type Clock, delay } from '../../clock.js'
import { isJoineryError, type JoineryError } from '../../errors.js'
import type { CommitResult, TopicInfo } from '../../log/contract.js'
import type { CallEvent, Outcome } from '../../outcome/effects.js'
import { copyTotals, type Totals } from '../../outcome/totals.js'
import type { Change } from '../../store/contract.js'
import type { InputPartition } from '../input-partition.js'
import type { InputStart } from '../restore/start-of.js'
import { mustRestoreStore, type TaskStore } from '../stores/task-store.js'
import type { TaskState } from '../task-state.js'
import type { RefusedOutputs } from './refused-outputs.js'
import type { UncommittedWork } from './uncommitted-work.js'
import type { WriteBatch } from './write-batch.js'

/** A commit that failed. The task is reopened. */
export interface FailedCommit {
  /** As text. */
  readonly reason: string
  /** Whether the task is reopened without a backoff: it knows new outputs that the log refuses, and writes dead letters instead. */
  readonly skipsBackoff: boolean
  /** The error of a store that has to be restored. */
  readonly error?: JoineryError
}

/** How a commit ended. */
export type CommitEnd = 'committed' | FailedCommit

const INITIAL_BACKOFF_MS = 50
const MAX_BACKOFF_MS = 5_000

type StoreFailure = JoineryError | 'aborted'

/** Options of {@link Committer}. */
export interface CommitterOptions {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly clock: Clock
  /** Aborts when the task ends without a commit. */
  readonly signal: AbortSignal
  readonly outcomes: (outcomes: readonly (Outcome | CallEvent)[]) => void
  /** Whether the calls that are claimed in this commit may be made. */
  readonly mayCall: () => boolean
  /** Receives the outputs that the log refuses. */
  readonly refused: RefusedOutputs
  readonly retrying: (error: JoineryError, inMs: number) => void
}

type CommitterPhase = 'idle' | 'committing' | 'applying' | 'failed'

const NEXT: Readonly<Record<CommitterPhase, readonly CommitterPhase[]>> = {
  idle: ['committing'],
  committing: ['applying', 'failed'],
  applying: ['idle', 'failed'],
  failed: [],
}

/**
 * Commits a task's work: outputs, changelog records and POSITION in one transaction, which is then applied to the stores.
 *
 * ```text
 *            commit()              the log has it             the stores have it
 *   idle ──────────────► committing ────────────► applying ──────────────────────► idle
 *                            │                        │
 *                            │ rejected, unclear      │ a store is fenced
 *                            │ or fenced              │ or behind
 *                            └───────► failed ◄───────┘
 * ```
 *
 * A committer that has failed, or has thrown an error, commits nothing more: the task is reopened, with a new committer.
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
    const inputs = new Map(this.#state.inputs.map((input) => [input.topic, this.#inputPosition(input)]))
    const position = encodePosition({
      writtenAt: this.#options.clock.now(),
      inputs: Object.fromEntries(inputs),
      partitions: this.#partitions,
      hash: this.#state.hash,
      totals,
    })
    const sentAtLogMs = this.#state.logTimeMs()
    const sentAt = this.#options.clock.monotonic()
    failpoint('commit.begun')
    const result = await this.#state.session.commit({
      outputs: batch.outputs,
      ...(batch.buffered && { buffered: batch.buffered }),
      changelog: [...batch.changelog, { key: POSITION_KEY, value: position }],
      offsets: new Map(Array.from(inputs, ([topic, { next }]) => [topic, next])),
    })
    if (result.outcome !== 'committed') {
      return this.#fail(reopenReasonOf(result), this.#options.refused.add(result.cause))
    }
    failpoint('commit.committed')
    this.#enter('applying')
    this.totals = totals
    batch.committed({ sentAt, mayCall: this.#options.mayCall() })
    this.#options.outcomes(batch.outcomes)
    const failure = await this.#apply(batch, inputs, result.changelogOffset, sentAtLogMs)
    if (failure !== undefined) return this.#failedStore(failure)
    this.#work.stored()
    for (const { capacity } of this.#state.tables) capacity?.committed(this.#work)
    this.#enter('idle')
    return 'committed'
  }

  /**
   * Applies a commit to the stores. It is in the log already, so a failed write is retried, and nothing is rolled back.
   *
   * @returns the error of a store that has to be restored, or `'aborted'`; otherwise the stores have the commit
   */
  async #apply(
    batch: WriteBatch,
    inputs: ReadonlyMap<string, InputPosition>,
    changelogOffset: number,
    sentAtLogMs: number,
  ): Promise<StoreFailure | undefined> {
    const inChangelog: InputStart = { next: changelogOffset }
    const targets: readonly (readonly [TaskStore, InputStart])[] = [
      [this.#state.waiters, inChangelog],
      ...(this.#state.callState === undefined ? [] : [[this.#state.callState.store.store, inChangelog] as const]),
      ...this.#state.tables.map(
        (table) =>
          [table.store, table.inChangelog ? inChangelog : (inputs.get(table.plan.topic) as InputPosition)] as const,
      ),
    ]
    // until it sent the commit, this owner knew the whole changelog; when the response arrives, there may be a later owner
    this.#state.waiters.reached(sentAtLogMs)
    this.#state.callState?.store.store.reached(sentAtLogMs)
    for (const { store, inChangelog } of this.#state.tables) if (inChangelog) store.reached(sentAtLogMs)
    for (const [store, at] of targets) {
      const changes = batch.stores.get(store.name)
      if (changes === undefined && !store.isSaveDue) continue
      const failure = await this.#write(store, [...(changes?.values() ?? [])], at)
      if (failure !== undefined) return failure
      if (changes !== undefined) store.rows.committed(changes)
    }
    return undefined
  }

  async #write(store: TaskStore, changes: readonly Change[], at: InputStart): Promise<StoreFailure | undefined> {
    const { clock, signal, retrying } = this.#options
    for (let wait = INITIAL_BACKOFF_MS; !signal.aborted; wait = Math.min(wait * 2, MAX_BACKOFF_MS)) {
      try {
        failpoint('store.writing')
        const done = store.commit(changes, at.next, at.leaderEpoch)
        if (done instanceof Promise) await done
        failpoint('store.written')
        return undefined
      } catch (error) {
        if (mustRestoreStore(error)) return error
        if (!isJoineryError(error) || !error.retriable) throw error
        retrying(error, wait)
        await delay(clock, wait, signal)
      }
    }
    return 'aborted'
  }

  /** The reason begins with the code: whether the store has a later owner or has lost changes. */
  #failedStore(failure: StoreFailure): CommitEnd {
    if (failure === 'aborted') return this.#fail('the task ended before its stores had the commit')
    return { ...this.#fail(failure.message), error: failure }
  }

  #fail(reason: string, skipsBackoff = false): FailedCommit {
    this.#enter('failed')
    return { reason, skipsBackoff }
  }

  #enter(phase: CommitterPhase): void {
    if (!NEXT[this.#phase].includes(phase)) throw new Error(`a committer cannot go from ${this.#phase} to ${phase}`)
    this.#phase = phase
  }

  #inputPosition({ topic, next, leaderEpoch }: InputPartition): InputPosition {
    const { id } = this.#options.inputs.get(topic) as TopicInfo
    const found = this.#state.tables.find(({ plan }) => plan.topic === topic)
    const table = found?.inChangelog ? undefined : found
    return {
      id,
      next,
      ...(leaderEpoch !== undefined && { leaderEpoch }),
      ...(table?.skippedBefore !== undefined && { skipped: table.skippedBefore + table.skipped }),
      ...found?.freshness?.saved(),
    }
  }

  #totals(): Record<string, Totals> {
    const operators = [...this.#state.pipelines, ...(this.#state.callState?.calls ?? [])].map(
      ({ operator }) => operator,
    )
    return Object.fromEntries(operators.map(({ plan, totals }) => [plan.name, copyTotals(totals)]))
  }
}

function reopenReasonOf({ outcome, cause }: Exclude<CommitResult, { outcome: 'committed' }>): string {
  const suffix = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`
  return `a commit was ${outcome}${suffix}`
}
