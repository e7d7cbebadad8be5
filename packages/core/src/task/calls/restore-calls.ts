import { CallOperator } from '../../call/call-operator.js'
import { type CallState, type Claimant, isFinished } from '../../changelog/call-record.js'
import type { LogSink, LogSource, TaskSession, TopicInfo } from '../../log/contract.js'
import type { OutputTopic } from '../../outcome/effects.js'
import { copyTotals } from '../../outcome/totals.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import { Input } from '../input-partition.js'
import type { Position } from '../pipeline-fingerprint.js'
import { startOf } from '../start-of.js'
import type { TaskStore } from '../stores/task-store.js'
import type { RunningCalls } from './call-dispatcher.js'
import type { TaskCalls } from './call-pipeline.js'
import { CallLedger, checkLedger } from './call-store.js'

/** What calls of a task are made from. */
export interface CallingSetup {
  readonly application: string
  readonly partition: number
  readonly source: LogSource
  readonly sink: LogSink
  readonly outputs: ReadonlyMap<string, OutputTopic>
  readonly changelog: TopicInfo
  readonly claimant: Claimant
  readonly newToken: () => string
  /** The calls of this process, by pipeline; they outlive a task's state. */
  readonly running: ReadonlyMap<string, RunningCalls>
}

/** The part of a task's state that is about calls. */
export interface Calling {
  readonly calls: readonly TaskCalls[]
  readonly ledger: CallLedger
  /** What former owners and people say of calls. It takes no part in the order of inputs. */
  readonly reports: Input
  /** Where the reports ended when the task was opened. */
  readonly reportsEnd: number
  /** When the oldest stored call was finished, in milliseconds since the epoch. */
  readonly firstFinished: ReadonlyMap<TaskCalls, number>
}

/**
 * Restores calls from their store, and finds the claims of this process again.
 *
 * @param rank of the first stream
 */
export async function openCalls(
  setup: CallingSetup,
  plans: readonly CallPlan[],
  session: TaskSession,
  store: TaskStore,
  reportsTopic: string,
  position: Position | undefined,
  rank: number,
  wake: () => void,
  signal: AbortSignal,
): Promise<Calling> {
  const { source, sink, partition, running } = setup
  const ledger = new CallLedger(store, partition)
  const at = { topic: reportsTopic, partition }
  const next = await startOf(source, at, position)
  const reportsEnd = await checkLedger(source, sink, session, at, next, signal)
  const reports = new Input(reportsTopic, partition, rank + plans.length, next)
  reports.isBlocked = true
  const calls = await Promise.all(
    plans.map(async (plan, i): Promise<TaskCalls> => {
      const totals = position?.totals[plan.name]
      const input = new Input(
        plan.stream,
        partition,
        rank + i,
        await startOf(source, { topic: plan.stream, partition }, position),
      )
      return {
        operator: new CallOperator(plan, setup, totals && copyTotals(totals)),
        running: running.get(plan.name) as RunningCalls,
        input,
        isFull: false,
      }
    }),
  )
  const firstFinished = await restoreCalls(ledger, calls, wake)
  return { calls, ledger, reports, reportsEnd, firstFinished }
}

async function restoreCalls(
  ledger: CallLedger,
  calls: readonly TaskCalls[],
  wake: () => void,
): Promise<ReadonlyMap<TaskCalls, number>> {
  const of = new Map(calls.map((each) => [each.operator, each]))
  const firstFinished = new Map<TaskCalls, number>()
  const open = new Map<TaskCalls, Map<string, CallState>>(calls.map((each) => [each, new Map()]))
  for await (const { operator, id, call } of ledger.all(calls.map(({ operator }) => operator))) {
    const each = of.get(operator) as TaskCalls
    if (isFinished(call))
      firstFinished.set(each, Math.min(firstFinished.get(each) ?? Number.POSITIVE_INFINITY, call.finishedAt))
    else {
      operator.restore(id, call, (token) => each.running.has(token))
      open.get(each)?.set(id, call)
    }
  }
  for (const each of calls) each.running.adopt((id) => open.get(each)?.get(id), each.operator.suspects.keys(), wake)
  return firstFinished
}
