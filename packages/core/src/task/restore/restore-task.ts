import { failpoint } from '@joinery/failpoint'
import { isStale } from '../../changelog/store-position.js'
import { JoinOperator } from '../../join/join-operator.js'
import type { TaskSession, TopicInfo, TopicPartition } from '../../log/contract.js'
import { copyTotals } from '../../outcome/totals.js'
import type { TablePlan } from '../../pipeline/plan.js'
import type { StateStore } from '../../store/contract.js'
import { RowCache } from '../../store/row-cache.js'
import { checkCallStore } from '../calls/call-store.js'
import { restoreTaskCalls } from '../calls/restore-calls.js'
import { EndOffset } from '../end-offset.js'
import { InputPartition } from '../input-partition.js'
import { logClock } from '../log-clock.js'
import { type Position, pipelineHash } from '../pipeline-fingerprint.js'
import { CALLS, WAITERS } from '../stores/store-names.js'
import { TaskStore } from '../stores/task-store.js'
import type { TaskStores } from '../stores/task-stores.js'
import { capacityOf } from '../tables/capacity-of.js'
import { keptTables } from '../tables/kept-tables.js'
import { type EndRequestTime, TableCatchUp } from '../tables/table-catch-up.js'
import type { TaskTable } from '../tables/task-table.js'
import type { TaskPipeline } from '../task-pipeline.js'
import type { TaskSetup, TaskState } from '../task-state.js'
import { checkPosition } from './check-position.js'
import { damagedEntry } from './damaged-entry.js'
import { isRowOf } from './is-row.js'
import { restoreChangelog } from './restore-changelog.js'
import { restoreKeptTable } from './restore-kept-table.js'
import { restoreTable } from './restore-table.js'
import { restoreWaiters } from './restore-waiters.js'
import { startOf } from './start-of.js'
import { isLost } from './truncated-table.js'

/** Options of {@link restoreTask}. */
export interface RestoreOptions {
  readonly setup: TaskSetup
  readonly session: TaskSession
  readonly taskStores: TaskStores
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  readonly monotonic: () => number
  readonly wake: () => void
  readonly signal: AbortSignal
}

/** The stores of a task, opened with the token of its session. */
interface OpenStores {
  readonly waiters: TaskStore
  readonly calls: TaskStore | undefined
  readonly tables: readonly OpenTableStore[]
}

interface OpenTableStore {
  readonly plan: TablePlan
  readonly store: TaskStore
  /** Whether the rows are kept in the application's changelog. */
  readonly inChangelog: boolean
}

/**
 * Restores a task to its committed POSITION, by the steps of ARCHITECTURE.md, "State and recovery". The first two,
 * membership and session, are already done.
 */
export async function restoreTask(options: RestoreOptions): Promise<TaskState> {
  const { setup, session, now, monotonic, signal } = options
  const { plan, source } = setup
  const logTimeMs = logClock(session.openedAt, monotonic)
  const kept = keptTables(plan, setup.inputs)
  const hash = pipelineHash(plan, kept)
  // 3. the stores, with the token
  const stores = await openStores(options, kept)
  // 4. the changelog up to OWNER
  const rows = new Map(stores.tables.filter(({ inChangelog }) => inChangelog).map(({ store }) => [store.name, store]))
  const position = await restoreChangelog(source, session, { ...stores, rows }, signal)
  rejectSlowRestore(setup, session, stores.waiters, logTimeMs())
  if (position !== undefined) checkPosition(setup, position, hash)
  // 5. tables that are their own changelog, up to POSITION
  const restored = await Promise.all(
    stores.tables.map((each, rank) => restoreTaskTable(each, rank, position, { ...options, logTimeMs })),
  )
  // 6. from POSITION on
  const tables = restored.map(({ table }) => table)
  const pipelines = await restorePipelines(setup, tables, position)
  const operators = new Map(pipelines.map(({ operator }) => [operator.plan.name, operator]))
  const restoredAt = now()
  await restoreWaiters(
    stores.waiters.entries(),
    ({ pipeline, offset, stored }) => operators.get(pipeline)?.restore(offset, stored, restoredAt),
    (error, entry) => damagedEntry(error, entry, { store: WAITERS, session, source, signal }),
  )
  const rank = tables.length + pipelines.length
  const callState =
    setup.reports &&
    stores.calls &&
    (await restoreTaskCalls({ ...options, store: stores.calls, reports: setup.reports, position, rank }))
  signal.throwIfAborted()
  failpoint('restore.done')
  const callInputs = callState === undefined ? [] : [...callState.calls.map(({ input }) => input), callState.reports]
  return {
    session,
    logTimeMs,
    hash,
    tables,
    pipelines,
    waiters: stores.waiters,
    callState,
    inputs: [...[...tables, ...pipelines].map(({ input }) => input), ...callInputs],
    restoredRows: restored.reduce((sum, { rows }) => sum + rows, 0),
  }
}

/**
 * Compaction may remove the tombstone of an event that waited while the changelog is read: the event would come out again.
 *
 * @throws JoineryError `STORE_BEHIND`, retriable: the stores are stale then; after five in a row `TOPIC_UNSUITABLE`
 */
function rejectSlowRestore(
  { slowRebuilds }: TaskSetup,
  { changelog, openedAt, token }: TaskSession,
  { deleteRetentionMs }: TaskStore,
  now: number,
): void {
  if (!isStale(openedAt, now, deleteRetentionMs)) {
    slowRebuilds.succeeded(changelog.topic)
    return
  }
  const took = { tookMs: now - openedAt, deleteRetentionMs, next: token.offset, end: undefined }
  throw slowRebuilds.failed({ what: 'restoring from', ...changelog, ...took })
}

async function openStores(
  { setup, session, taskStores }: RestoreOptions,
  kept: ReadonlySet<string>,
): Promise<OpenStores> {
  const { plan, partition, changelog, reports, inputs, cache, counts, rowsLost } = setup
  const names = [WAITERS, ...(reports === undefined ? [] : [CALLS]), ...plan.tables.map(({ topic }) => topic)]
  const opened = await taskStores.open(names, session.token)
  failpoint('open.stores')
  const storeOf = (name: string, follows: TopicInfo, rowCache?: RowCache) =>
    new TaskStore(name, opened.get(name) as StateStore, follows, rowsLost, rowCache)
  if (reports !== undefined)
    await checkCallStore(opened.get(CALLS)?.position, session, { topic: reports.topic, partition })
  return {
    waiters: storeOf(WAITERS, changelog),
    calls: reports && storeOf(CALLS, changelog),
    tables: plan.tables.map((table) => {
      const inChangelog = kept.has(table.topic)
      const follows = inChangelog ? changelog : (inputs.get(table.topic) as TopicInfo)
      return { plan: table, inChangelog, store: storeOf(table.topic, follows, cache && new RowCache(cache, counts)) }
    }),
  }
}

async function restoreTaskTable(
  { plan, store, inChangelog }: OpenTableStore,
  rank: number,
  position: Position | undefined,
  options: RestoreOptions & { readonly logTimeMs: () => number },
): Promise<{ readonly table: TaskTable; readonly rows: number }> {
  const { setup, session, monotonic, wake, signal, logTimeMs } = options
  const { source, partition, slowRebuilds } = setup
  const at = { topic: plan.topic, partition }
  const isRebuilt = !inChangelog && position !== undefined && (await hasLostTable(setup, at, position, signal))
  const committed = isRebuilt ? undefined : position?.inputs[plan.topic]
  const start = committed ?? (await startOf(source, at, undefined))
  const skippedBefore = committed === undefined ? 0 : committed.skipped
  let rows = 0
  if (!inChangelog) {
    const to = committed ?? { next: 0 }
    // decoding would be most of the cost of a restore, and is rarely needed
    const isRow = skippedBefore === 0 ? undefined : isRowOf(plan, setup.blocked)
    const pauseIfDue = () => (isRow === undefined ? undefined : setup.blocked?.pauseIfDue())
    rows = await restoreTable({ source, at, store, to, now: session.openedAt, signal, isRow, pauseIfDue })
  }
  const kept = inChangelog ? await restoreKeptTable({ ...options, at, store, committed, logTimeMs }) : undefined
  const input = new InputPartition(plan.topic, partition, rank, start.next, start.leaderEpoch, kept?.deletions)
  const end = new EndOffset<EndRequestTime>({ source, topicPartition: at, monotonic, wake })
  const { freshness } = kept ?? {}
  const catchUp = new TableCatchUp({ input, store, inChangelog, freshness, end, logTimeMs, slowRebuilds })
  const table: TaskTable = {
    plan,
    input,
    store,
    catchUp,
    freshness,
    capacity: capacityOf(setup, plan.topic, store, wake),
    skippedBefore,
    inChangelog,
    isRebuilt,
    skipped: 0,
    get hasExactRows() {
      return catchUp.hasExactRows
    },
  }
  return { table, rows }
}

/**
 * Whether a table's topic no longer holds what the committed position says was read. The table is read again from its
 * beginning then, as a new one.
 *
 * @throws JoineryError `TOPIC_RECREATED`, `PARTITIONS_CHANGED` if it is another topic
 */
async function hasLostTable(
  setup: TaskSetup,
  at: TopicPartition,
  position: Position,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, inputs, counts, rebuilding } = setup
  const committed = position.inputs[at.topic]
  if (committed === undefined) return false
  const { next, leaderEpoch } = committed
  if (!(await isLost(source, { ...at, offset: next, leaderEpoch }, signal))) return false
  const [info = inputs.get(at.topic) as TopicInfo] = await source.describe([at.topic])
  checkPosition({ ...setup, inputs: new Map([[at.topic, info]]) }, position, position.hash)
  counts.tablesRebuilt++
  rebuilding({ table: at.topic, task: at.partition, offset: next })
  return true
}

function restorePipelines(
  setup: TaskSetup,
  tables: readonly TaskTable[],
  position: Position | undefined,
): Promise<readonly TaskPipeline[]> {
  const { plan, source, partition } = setup
  return Promise.all(
    plan.pipelines.map(async (pipeline, i): Promise<TaskPipeline> => {
      const totals = position?.totals[pipeline.name]
      const operator = new JoinOperator(pipeline, setup, totals && copyTotals(totals))
      const { next, leaderEpoch } = await startOf(source, { topic: pipeline.stream, partition }, position)
      const input = new InputPartition(pipeline.stream, partition, tables.length + i, next, leaderEpoch)
      const used = pipeline.tables.map(({ topic }) => tables.find((table) => table.plan.topic === topic) as TaskTable)
      return { operator, input, tables: used, isOpen: false, isFull: false }
    }),
  )
}
