import { failpoint } from '@joinery/failpoint'
import { parseChangelogKey } from '../changelog/keys.js'
import { JoineryError } from '../errors.js'
import { JoinOperator } from '../join/join-operator.js'
import type { TaskSession, TopicInfo } from '../log/contract.js'
import { copyTotals } from '../outcome/totals.js'
import type { ApplicationPlan, TablePlan } from '../pipeline/plan.js'
import type { StateStore } from '../store/contract.js'
import { type CacheLimit, RowCache } from '../store/row-cache.js'
import { checkCallStore } from './calls/call-store.js'
import { restoreTaskCalls, type TaskCallSetup, type TaskCallState } from './calls/restore-calls.js'
import type { Counts } from './counters.js'
import { InputPartition } from './input-partition.js'
import { logTime } from './log-clock.js'
import { type Position, pipelineHash } from './pipeline-fingerprint.js'
import { type IsRow, restoreChangelog, restoreTable } from './restore.js'
import { startOf } from './start-of.js'
import { CALLS, WAITERS } from './stores/store-names.js'
import { TaskStore } from './stores/task-store.js'
import type { TaskStores } from './stores/task-stores.js'
import type { TaskPipeline } from './task-pipeline.js'
import type { TaskTable } from './task-table.js'

/** What a task is made from. */
export interface TaskSetup extends TaskCallSetup {
  readonly plan: ApplicationPlan
  /** Facts on inputs, by topic. */
  readonly inputs: ReadonlyMap<string, TopicInfo>
  /** The reports of calls, of an application that makes some. */
  readonly reports: TopicInfo | undefined
  /** Of decoded rows, for each table. */
  readonly cache: CacheLimit
  readonly counts: Counts
  /** A store has let rows go. */
  readonly rowsLost: (store: string, rows: number) => void
}

/** A task between one opening and the next: everything here is made from the log, and thrown away when a commit fails. */
export interface TaskState {
  readonly session: TaskSession
  /** Milliseconds of the log's clock. */
  readonly logNow: () => number
  /** Of the pipelines, as a commit writes it. */
  readonly hash: string
  readonly tables: readonly TaskTable[]
  readonly pipelines: readonly TaskPipeline[]
  readonly waiters: TaskStore
  /** Of an application that makes calls. */
  readonly callState: TaskCallState | undefined
  /** All inputs, tables first. */
  readonly inputs: readonly InputPartition[]
  readonly restoredRows: number
}

/** Whether a table's own topic keeps each key's latest record for ever, so that rows can be rebuilt from it. */
function servesAsChangelog(start: 'table-first' | 'by-timestamp', info: TopicInfo): boolean {
  return start === 'table-first' && info.cleanup === 'compact'
}

/** The tables whose rows are kept in the changelog. */
export function keptTables(plan: ApplicationPlan, inputs: ReadonlyMap<string, TopicInfo>): ReadonlySet<string> {
  const kept = plan.tables.filter(({ topic, order }) => !servesAsChangelog(order, inputs.get(topic) as TopicInfo))
  return new Set(kept.map(({ topic }) => topic))
}

/** Restores a task to its committed POSITION. */
export async function openState(
  setup: TaskSetup,
  session: TaskSession,
  openStores: TaskStores,
  times: { readonly now: () => number; readonly monotonic: () => number },
  wake: () => void,
  signal: AbortSignal,
): Promise<TaskState> {
  const { plan, source, partition } = setup
  const logNow = logTime(session.openedAt, times.monotonic)
  const names = [WAITERS, ...(setup.reports === undefined ? [] : [CALLS]), ...plan.tables.map(({ topic }) => topic)]
  const opened = await openStores.open(names, session.token)
  failpoint('open.stores')
  const storeOf = (name: string, topic: TopicInfo, cache?: RowCache) =>
    new TaskStore(name, partition, opened.get(name) as StateStore, topic, setup.rowsLost, cache)
  const waiters = storeOf(WAITERS, setup.changelog)
  const callStore = setup.reports && storeOf(CALLS, setup.changelog)
  if (setup.reports !== undefined)
    await checkCallStore(opened.get(CALLS)?.position, session, { topic: setup.reports.topic, partition })
  const kept = keptTables(plan, setup.inputs)
  const stores = plan.tables.map((table) => {
    const inChangelog = kept.has(table.topic)
    const follows = inChangelog ? setup.changelog : (setup.inputs.get(table.topic) as TopicInfo)
    return {
      table,
      inChangelog,
      store: storeOf(table.topic, follows, setup.cache && new RowCache(setup.cache, setup.counts)),
    }
  })
  const rows = new Map(stores.filter(({ inChangelog }) => inChangelog).map(({ store }) => [store.name, store]))
  const hash = pipelineHash(plan, kept)
  const position = await restoreChangelog(source, session, { waiters, rows, calls: callStore }, signal)
  if (position !== undefined) checkPosition(setup, position, hash)

  let restoredRows = 0
  const tables = await Promise.all(
    stores.map(async ({ table, inChangelog, store }, rank): Promise<TaskTable> => {
      const at = { topic: table.topic, partition }
      const next = await startOf(source, at, position)
      const before = position?.inputs[table.topic]
      const skippedBefore = before === undefined ? 0 : before.skipped
      if (!inChangelog) {
        const to = before === undefined ? 0 : next
        // decoding is most of what a restore would cost, and nearly never needed
        const isRow = skippedBefore === 0 ? undefined : isRowOf(table)
        restoredRows += await restoreTable(source, at, store, to, session.openedAt, signal, isRow)
      }
      const input = new InputPartition(table.topic, partition, rank, next)
      return {
        plan: table,
        input,
        store,
        skippedBefore,
        inChangelog,
        isKnown: inChangelog,
        isLoaded: false,
        loadedIn: undefined,
        proof: undefined,
        retryAt: 0,
        problem: undefined,
        skipped: 0,
      }
    }),
  )
  const pipelines = await Promise.all(
    plan.pipelines.map(async (pipeline, i): Promise<TaskPipeline> => {
      const totals = position?.totals[pipeline.name]
      const operator = new JoinOperator(pipeline, setup, totals && copyTotals(totals))
      const input = new InputPartition(
        pipeline.stream,
        partition,
        tables.length + i,
        await startOf(source, { topic: pipeline.stream, partition }, position),
      )
      const used = pipeline.tables.map(({ topic }) => tables.find((table) => table.plan.topic === topic) as TaskTable)
      return { operator, input, tables: used, isOpen: false, isFull: false }
    }),
  )
  await restoreWaiters(waiters, pipelines, times.now())
  const rank = tables.length + pipelines.length
  const callState =
    setup.reports &&
    callStore &&
    (await restoreTaskCalls(setup, plan.calls, session, callStore, setup.reports.topic, position, rank, wake, signal))
  signal.throwIfAborted()
  failpoint('restore.done')
  const ofCalls = callState === undefined ? [] : [...callState.calls.map(({ input }) => input), callState.reports]
  return {
    session,
    logNow,
    hash,
    tables,
    pipelines,
    waiters,
    callState,
    inputs: [...[...tables, ...pipelines].map(({ input }) => input), ...ofCalls],
    restoredRows,
  }
}

/** Committed state is only worth something for the inputs and the pipelines that it came from. */
function checkPosition({ application, inputs }: TaskSetup, position: Position, hash: string): void {
  const reset = `give the new version an application name of its own, or reset ${application}`
  // offsets that somebody else has set tell nothing but where to go on
  if (position.hash !== undefined && position.hash !== hash) {
    throw new JoineryError(
      'PIPELINE_CHANGED',
      `the inputs, their roles, the names of the joins, or whether a table's topic is compacted are not what ${application} has committed: ${reset}`,
    )
  }
  for (const [topic, { id }] of Object.entries(position.inputs)) {
    const info = inputs.get(topic)
    if (info !== undefined && position.partitions !== undefined && info.partitions !== position.partitions) {
      throw new JoineryError(
        'PARTITIONS_CHANGED',
        `${topic} has ${info.partitions} partitions, ${application} has committed ${position.partitions}: keys have moved, so ${reset}`,
        { topic },
      )
    }
    if (info !== undefined && id !== undefined && info.id !== id) {
      throw new JoineryError(
        'TOPIC_RECREATED',
        `${topic} was deleted and created again since ${application} last committed: ${reset}`,
        { topic },
      )
    }
  }
}

async function restoreWaiters(store: TaskStore, pipelines: readonly TaskPipeline[], now: number): Promise<void> {
  const found: { readonly pipeline: string; readonly offset: number; readonly stored: Uint8Array }[] = []
  for await (const [bytes, stored] of store.entries()) {
    const key = parseChangelogKey(bytes)
    if (key.kind === 'waiter') found.push({ pipeline: key.pipeline, offset: key.offset, stored })
  }
  found.sort((a, b) => a.offset - b.offset)
  const operators = new Map(pipelines.map(({ operator }) => [operator.plan.name, operator]))
  for (const { pipeline, offset, stored } of found) operators.get(pipeline)?.restore(offset, stored, now)
}

/** Whether a table's record is a row. One that is not was reported when it was first processed. */
function isRowOf({ key, value }: TablePlan): IsRow {
  return (record) => {
    try {
      key.decode(record.key)
      if (record.value !== null) value.decode(record.value)
      return true
    } catch {
      return false
    }
  }
}
