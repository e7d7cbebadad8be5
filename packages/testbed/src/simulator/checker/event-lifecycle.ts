import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimPipeline } from '../scenario/scenario.js'
import { type ExpectedOutcome, expectedOutcome } from './expected-outcome.js'
import { type CommittedEntry, committed, type Outcome, type TaskHistory } from './log-history.js'

/** The history of one event, by indexes of commits. */
export interface EventLifecycle {
  readonly entry: CommittedEntry
  readonly expected: ExpectedOutcome
  /** The commit whose POSITION passes it. */
  consumedBy: number | undefined
  /** The first commit after which it waits. */
  waitsFrom: number | undefined
  /** The arrival time in its WAITER. */
  arrival: number | undefined
  /** The size of its WAITER. */
  bytes: number
  /** The commit that settles it. */
  settledBy: number | undefined
  readonly outcomes: { readonly commit: number; readonly outcome: Outcome }[]
}

/** @returns what the log contains about the events of one pipeline in one task */
export function eventLifecycles(
  cluster: SimCluster,
  pipeline: SimPipeline,
  { partition, commits }: TaskHistory,
): readonly EventLifecycle[] {
  const lifecycles = committed(cluster, pipeline.stream, partition).map(
    (entry): EventLifecycle => ({
      entry,
      expected: expectedOutcome(pipeline, entry),
      consumedBy: undefined,
      waitsFrom: undefined,
      arrival: undefined,
      bytes: 0,
      settledBy: undefined,
      outcomes: [],
    }),
  )
  const byOffset = new Map(lifecycles.map((lifecycle) => [lifecycle.entry.offset, lifecycle]))
  let at = 0
  for (const { index, position, waiters, outcomes } of commits) {
    const next = position.inputs[pipeline.stream]?.next ?? 0
    for (
      let lifecycle = lifecycles[at];
      lifecycle !== undefined && lifecycle.entry.offset < next;
      lifecycle = lifecycles[++at]
    ) {
      lifecycle.consumedBy = index
      lifecycle.settledBy = index
    }
    for (const { pipeline: name, offset, waiter } of waiters) {
      const lifecycle = name === pipeline.stream ? byOffset.get(offset) : undefined
      if (lifecycle === undefined) continue
      if (waiter === null) {
        lifecycle.settledBy = index
        continue
      }
      lifecycle.waitsFrom = index
      lifecycle.arrival = waiter.arrival
      lifecycle.bytes = waiter.bytes
      lifecycle.settledBy = undefined
    }
    for (const outcome of outcomes)
      if (outcome.topic === pipeline.stream) byOffset.get(outcome.offset)?.outcomes.push({ commit: index, outcome })
  }
  return lifecycles
}
