import { CallOperator } from '../../call/call-operator.js'
import { type CallState, type Claimant, isFinished } from '../../changelog/call-record.js'
import type { LogSink, LogSource, OutputTopicInfo, TaskSession, TopicInfo } from '../../log/contract.js'
import { copyTotals } from '../../outcome/totals.js'
import type { ApplicationPlan } from '../../pipeline/plan.js'
import { InputPartition } from '../input-partition.js'
import type { Position } from '../pipeline-fingerprint.js'
import { damagedEntry, type StoredEntry } from '../restore/damaged-entry.js'
import { startOf } from '../restore/start-of.js'
import type { TaskStore } from '../stores/task-store.js'
import type { CallDispatcher } from './call-dispatcher.js'
import type { CallPipeline } from './call-pipeline.js'
import { CallStore, verifyChangelog } from './call-store.js'

/** What the calls of a task are restored from, and use. */
export interface TaskCallSetup {
  readonly application: string
  readonly partition: number
  readonly source: LogSource
  readonly sink: LogSink
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: TopicInfo
  readonly claimant: Claimant
  readonly newToken: () => string
  /** The calls that this process has claimed, by pipeline; they outlive a task attempt. */
  readonly callDispatchers: ReadonlyMap<string, CallDispatcher>
}

/** The part of a task's state that is about calls. */
export interface TaskCallState {
  readonly calls: readonly CallPipeline[]
  readonly store: CallStore
  /** Reports of former owners and people. This input takes no part in the order of inputs. */
  readonly reports: InputPartition
  /** The end offset of the reports when the task was opened. */
  readonly reportsEnd: number
  /** When the oldest stored call was finished, in milliseconds since the epoch. */
  readonly firstFinished: ReadonlyMap<CallPipeline, number>
}

/** Options of {@link restoreTaskCalls}. */
export interface RestoreCallsOptions {
  readonly setup: TaskCallSetup & { readonly plan: Pick<ApplicationPlan, 'calls'> }
  readonly session: TaskSession
  readonly store: TaskStore
  readonly reports: TopicInfo
  readonly position: Position | undefined
  /** The rank of the first stream of calls. */
  readonly rank: number
  readonly wake: () => void
  readonly signal: AbortSignal
}

/** Restores calls from their store, and matches them with the claims that this process still holds. */
export async function restoreTaskCalls(options: RestoreCallsOptions): Promise<TaskCallState> {
  const { setup, session, position, rank, wake, signal } = options
  const { source, sink, partition, callDispatchers } = setup
  const plans = setup.plan.calls
  const store = new CallStore(options.store, partition)
  const at = { topic: options.reports.topic, partition }
  const from = await startOf(source, at, position)
  const reportsEnd = await verifyChangelog({ source, sink, session, reports: at, from, signal })
  const reports = new InputPartition(at.topic, partition, rank + plans.length, from.next, from.leaderEpoch)
  reports.isPaused = true
  const calls = await Promise.all(
    plans.map(async (plan, i): Promise<CallPipeline> => {
      const totals = position?.totals[plan.name]
      const { next, leaderEpoch } = await startOf(source, { topic: plan.stream, partition }, position)
      const input = new InputPartition(plan.stream, partition, rank + i, next, leaderEpoch)
      return {
        operator: new CallOperator(plan, setup, totals && copyTotals(totals)),
        dispatcher: callDispatchers.get(plan.name) as CallDispatcher,
        input,
        notSent: undefined,
        isFull: false,
      }
    }),
  )
  const damaged = (error: unknown, entry: StoredEntry) =>
    damagedEntry(error, entry, { store: options.store.name, session, source, signal })
  const firstFinished = await restoreCalls(store, calls, wake, damaged)
  return { calls, store, reports, reportsEnd, firstFinished }
}

async function restoreCalls(
  store: CallStore,
  calls: readonly CallPipeline[],
  wake: () => void,
  damaged: (error: unknown, entry: StoredEntry) => unknown,
): Promise<ReadonlyMap<CallPipeline, number>> {
  const of = new Map(calls.map((each) => [each.operator, each]))
  const firstFinished = new Map<CallPipeline, number>()
  const open = new Map<CallPipeline, Map<string, CallState>>(calls.map((each) => [each, new Map()]))
  for await (const { operator, id, call } of store.all(
    calls.map(({ operator }) => operator),
    damaged,
  )) {
    const each = of.get(operator) as CallPipeline
    if (isFinished(call))
      firstFinished.set(each, Math.min(firstFinished.get(each) ?? Number.POSITIVE_INFINITY, call.finishedAt))
    else {
      operator.restore(id, call, (token) => each.dispatcher.has(token))
      open.get(each)?.set(id, call)
    }
  }
  for (const each of calls)
    each.dispatcher.reconcile((id) => open.get(each)?.get(id), each.operator.orphanedClaims.keys(), wake)
  return firstFinished
}
