import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimPipeline } from '../scenario/scenario.js'
import { type Fate, fateOf } from './fate.js'
import { type CommittedEntry, committed, type Outcome, type TaskHistory } from './log-history.js'

/** What became of an event, by the numbers of commits. */
export interface Life {
  readonly entry: CommittedEntry
  readonly fate: Fate
  /** The commit whose POSITION passed it. */
  consumed: number | undefined
  /** The first commit after which it waited. */
  waits: number | undefined
  /** As its WAITER says. */
  arrival: number | undefined
  /** Of its WAITER. */
  bytes: number
  /** The commit with which it was done. */
  settled: number | undefined
  readonly outcomes: { readonly commit: number; readonly outcome: Outcome }[]
}

/** The events of one pipeline in one task, and what the log says of them. */
export function livesOf(
  cluster: SimCluster,
  pipeline: SimPipeline,
  { partition, commits }: TaskHistory,
): readonly Life[] {
  const lives = committed(cluster, pipeline.stream, partition).map(
    (entry): Life => ({
      entry,
      fate: fateOf(pipeline, entry),
      consumed: undefined,
      waits: undefined,
      arrival: undefined,
      bytes: 0,
      settled: undefined,
      outcomes: [],
    }),
  )
  const byOffset = new Map(lives.map((life) => [life.entry.offset, life]))
  let at = 0
  for (const { index, position, waiters, outcomes } of commits) {
    const next = position.inputs[pipeline.stream]?.next ?? 0
    for (let life = lives[at]; life !== undefined && life.entry.offset < next; life = lives[++at]) {
      life.consumed = index
      life.settled = index
    }
    for (const { pipeline: name, offset, waiter } of waiters) {
      const life = name === pipeline.stream ? byOffset.get(offset) : undefined
      if (life === undefined) continue
      if (waiter === null) {
        life.settled = index
        continue
      }
      life.waits = index
      life.arrival = waiter.arrival
      life.bytes = waiter.bytes
      life.settled = undefined
    }
    for (const outcome of outcomes)
      if (outcome.topic === pipeline.stream) byOffset.get(outcome.offset)?.outcomes.push({ commit: index, outcome })
  }
  return lives
}
