import { POSITION_KEY } from '../changelog/keys.js'
import { encodePosition } from '../changelog/position-record.js'
import { JoineryError } from '../errors.js'
import type { ChangelogRecord, TopicPartition } from '../log/contract.js'
import { type PipelineMetrics, toMetrics } from '../outcome/pipeline-metrics.js'
import { RecordError } from '../outcome/record-error.js'
import { copyTotals, newTotals, type Totals } from '../outcome/totals.js'
import type { ApplicationPlan, PipelinePlan } from '../pipeline/plan.js'
import type { LogRecord } from '../record.js'
import type { Awaitable } from '../store/contract.js'
import { cacheLimit, RowCache } from '../store/row-cache.js'
import { anchoredClock } from '../task/anchored-clock.js'
import { UncommittedWork } from '../task/commit/uncommitted-work.js'
import { WriteBatch } from '../task/commit/write-batch.js'
import type { JoinPipeline, JoinTable } from '../task/join-pipeline.js'
import { type Position, pipelineHash } from '../task/pipeline-fingerprint.js'
import { RecordProcessor } from '../task/record-processor.js'
import { RowReader } from '../task/stores/row-reader.js'
import { WAITERS } from '../task/stores/store-names.js'
import { evaluateWaiting } from './evaluate-waiting.js'
import { earliestDeadline, expireEvents } from './expiry.js'
import { nextRecords } from './next-records.js'
import { OpenStep, type RunningProgress as Progress, type StepProgress } from './open-step.js'
import type { ChangelogOf, Operator, Step } from './operator.js'
import { loadState, type OperatorState } from './operator-state.js'
import type { OperatorStores } from './operator-stores.js'
import type { PipelineOperatorOptions } from './pipeline-operator-options.js'

/** Milliseconds of work before yielding to the event loop. */
const SLICE_MS = 5

type StepRun = (state: OperatorState, work: UncommittedWork, progress: Progress) => Promise<void>

/** The operator of one pipeline. At most one step is open. */
export class PipelineOperator implements Operator {
  readonly #plan: PipelinePlan
  readonly #inputs: readonly string[]
  readonly #hash: string
  readonly #stores: OperatorStores
  readonly #options: PipelineOperatorOptions
  readonly #now: () => number
  readonly #records: RecordProcessor
  #tables: readonly JoinTable[] = []
  /** `undefined` after a step was discarded: it is rebuilt from the committed state when it is needed. */
  #state: OperatorState | undefined
  /** Records for the changelog of the next step, which revert a step that was not completed. */
  #repairs: readonly ChangelogRecord[] = []
  #committed: Position | undefined
  #deadline: number | undefined
  #isBusy = false
  #isClosed = false

  constructor(plan: ApplicationPlan, stores: OperatorStores, options: PipelineOperatorOptions) {
    this.#plan = plan.pipelines[0] as PipelinePlan
    this.#inputs = plan.inputs
    this.#hash = pipelineHash(plan, new Set(plan.tables.map(({ topic }) => topic)))
    this.#stores = stores
    this.#options = options
    this.#now = anchoredClock(options.clock)
    this.#records = new RecordProcessor({ ...options, now: this.#now })
  }

  /** Builds the operator's state from its stores. */
  async load(): Promise<void> {
    const limit = cacheLimit(this.#options.cache)
    this.#tables = this.#plan.tables.map((plan) => ({
      plan,
      store: {
        rows: new RowReader(plan.topic, (keys) => this.#stores.rows(plan.topic, keys), limit && new RowCache(limit)),
      },
      inChangelog: true,
      hasExactRows: true,
      skipped: 0,
    }))
    this.#committed = this.#stores.position
    this.#state = await this.#loadState()
    this.#deadline = earliestDeadline(this.#state, this.#tables.length)
  }

  get positions(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#committed?.inputs ?? {}).map(([topic, { next }]) => [topic, next]))
  }

  get lostRows(): number {
    return this.#stores.lostRows
  }

  get nextDeadline(): number | undefined {
    return this.#deadline
  }

  async process(records: readonly LogRecord[], passed: Readonly<Record<string, number>> = {}): Promise<Step> {
    for (const { topic, partition } of records) this.#check(topic, partition)
    for (const topic of Object.keys(passed)) this.#check(topic, this.#options.partition)
    return this.#step(async (state, work, progress) => {
      await this.#take(records, state, work, progress)
      if (progress.consumed === records.length)
        for (const [topic, next] of Object.entries(passed))
          state.next.set(topic, Math.max(next, state.next.get(topic) ?? 0))
      await expireEvents({ state, pipeline: this.#pipeline(state), records: this.#records, work })
    })
  }

  expire(ends: (table: TopicPartition) => Awaitable<number>): Promise<Step> {
    return this.#step(async (state, work) => {
      for (const [index, { plan }] of this.#tables.entries()) {
        const time = this.#now()
        const deadline = state.join.nextDeadline(index)
        if (deadline === undefined || deadline > time || state.ends.has(index)) continue
        const end = await ends({ topic: plan.topic, partition: this.#options.partition })
        state.ends.set(index, { requestedAt: time, end })
      }
      await expireEvents({ state, pipeline: this.#pipeline(state), records: this.#records, work })
    })
  }

  async restore(changelog: Iterable<ChangelogOf> | AsyncIterable<ChangelogOf>): Promise<void> {
    this.#begin()
    try {
      this.#repairs = await this.#stores.restore(changelog)
      await this.load()
    } finally {
      this.#isBusy = false
    }
  }

  metrics(): PipelineMetrics {
    const arrival = this.#state?.join.oldestArrival
    const totals = this.#committed?.totals[this.#plan.name] ?? newTotals()
    return toMetrics(totals, arrival === undefined ? 0 : Math.max(0, this.#now() - arrival))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#stores.close()
  }

  #check(topic: string, partition: number): void {
    if (this.#inputs.includes(topic) && partition === this.#options.partition) return
    throw new JoineryError(
      'OPTION_INVALID',
      `this operator processes partition ${this.#options.partition} of ${this.#inputs.join(', ')}, not ${topic}[${partition}]`,
      { topic, partition },
    )
  }

  #begin(): void {
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', 'the operator was closed')
    if (this.#isBusy) throw new JoineryError('OPTION_INVALID', 'commit or discard the last step before the next')
    this.#isBusy = true
  }

  /** Runs a step. After an error no step is open, and its effects are discarded. */
  async #step(run: StepRun): Promise<Step> {
    this.#begin()
    try {
      this.#state ??= await this.#loadState()
      const state = this.#state
      const batch = state.batch ?? new WriteBatch(WAITERS, this.#now)
      const progress: Progress = { consumed: 0, repeated: 0, error: state.error }
      try {
        if (state.error === undefined) await run(state, new UncommittedWork(() => batch), progress)
      } catch (error) {
        if (!(error instanceof RecordError)) throw error
        progress.error = error
      }
      const isNothing = progress.consumed === 0 && batch.outputs.length === 0 && batch.outcomes.length === 0
      if (progress.error !== undefined && isNothing) throw progress.error
      return this.#open(state, batch, progress)
    } catch (error) {
      this.#state = undefined
      this.#isBusy = false
      throw error
    }
  }

  #open(state: OperatorState, batch: WriteBatch, progress: StepProgress): Step {
    const position = this.#positionOf(state)
    const changelog: ChangelogRecord[] = [...batch.changelog, { key: POSITION_KEY, value: encodePosition(position) }]
    return new OpenStep(batch, changelog, progress, {
      commit: async () => {
        await this.#stores.commit(batch.stores, position)
        for (const { plan, store } of this.#tables) store.rows.committed(batch.stores.get(plan.topic) ?? new Map())
        this.#committed = position
        this.#repairs = []
        // after an error, the events that wait have to be evaluated again
        this.#state = progress.error === undefined ? { ...state, batch: undefined } : undefined
        this.#deadline = earliestDeadline(state, this.#tables.length)
        this.#isBusy = false
      },
      discard: () => {
        this.#state = undefined
        this.#isBusy = false
      },
    })
  }

  /** Processes records until the wait buffer is full. */
  async #take(
    records: readonly LogRecord[],
    state: OperatorState,
    work: UncommittedWork,
    progress: Progress,
  ): Promise<void> {
    const { clock } = this.#options
    let sliceEnds = clock.monotonic() + SLICE_MS
    while (progress.consumed < records.length) {
      const run = nextRecords(records, progress.consumed, state.next)
      if (run.length === 0) {
        progress.consumed++
        progress.repeated++
        continue
      }
      const { topic } = run[0] as LogRecord
      const table = this.#tables.find(({ plan }) => plan.topic === topic)
      const pipeline = this.#pipeline(state)
      const taken =
        table === undefined
          ? await this.#records.stream(pipeline, run, work)
          : await this.#records.table(table, run, [pipeline], work)
      progress.consumed += taken
      if (taken > 0) state.next.set(topic, (run[taken - 1] as LogRecord).offset + 1)
      if (table === undefined && state.join.isFull) return
      if (clock.monotonic() < sliceEnds) continue
      await clock.yieldToEventLoop()
      sliceEnds = clock.monotonic() + SLICE_MS
    }
  }

  #pipeline({ join }: OperatorState): JoinPipeline {
    return { operator: join, tables: this.#tables }
  }

  #positionOf({ join, next }: OperatorState): Position {
    const totals: Readonly<Record<string, Totals>> = { [this.#plan.name]: copyTotals(join.totals) }
    const inputs = Object.fromEntries(Array.from(next, ([topic, offset]) => [topic, { next: offset }]))
    return { writtenAt: this.#options.clock.now(), inputs, hash: this.#hash, totals }
  }

  async #loadState(): Promise<OperatorState> {
    const state = await loadState(this.#plan, this.#hash, this.#options, this.#stores, this.#now())
    const { batch } = state
    if (batch === undefined) return state
    for (const { key, value } of this.#repairs) batch.appendChangelog(key, value)
    return evaluateWaiting({ state, pipeline: this.#pipeline(state), records: this.#records, batch })
  }
}
