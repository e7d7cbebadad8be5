import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Scenario } from '../scenario/scenario.js'
import { committed, type TaskHistory } from './log-history.js'
import type { Violation } from './violation.js'

const LAW = 'a frozen broker does not stop the others'
/** Until all instances have started, and their group is complete. */
const STARTED_MS = 15_000
/** The longest transaction of another producer: what comes after it cannot be read before it ends. */
const FOREIGN_MS = 3_000
/**
 * How long the client takes at most once others have taken over from a broker. First the fetch of the record: after 1.25 s
 * at most, a request is overdue (again, 1.25 s after it was reported before) and metadata is fetched, which takes 1 s if
 * the frozen broker is asked first. Then the commit: the same for its batches, or 1 s until the client notices that the
 * coordinator has moved, and 1 s until that one has loaded its state. If the outcome of the commit is unclear, the task is
 * reopened: the same again for its transaction, and for reading the changelog. That is 13 s, with pauses between retries.
 */
const CLIENT_MS = 15_000

/**
 * If brokers freeze and nothing else happens, each record is processed within the deadlines of the client. Nothing is expected
 * where brokers refuse results: each of them reopens its task, which delays the records behind it.
 */
export function progress(cluster: SimCluster, scenario: Scenario, { partition, commits }: TaskHistory): Violation[] {
  const { brokerSessionMs, pipelines, tables, refuses } = scenario
  if (refuses !== undefined) return []
  const boundMs = brokerSessionMs + FOREIGN_MS + CLIENT_MS
  const topics = [...pipelines.map(({ stream }) => stream), ...tables.map(({ name }) => name)]
  return topics.flatMap((topic) => {
    let index = 0
    for (const { offset, visibleAt } of committed(cluster, topic, partition)) {
      while (index < commits.length && (commits[index]?.position.inputs[topic]?.next ?? 0) <= offset) index++
      const at = commits[index]?.at ?? Number.POSITIVE_INFINITY
      if (visibleAt < STARTED_MS || at - visibleAt <= boundMs) continue
      const text = `is processed ${Math.round(at - visibleAt)} ms after it was written, which takes ${boundMs} ms at most`
      return [{ law: LAW, text, partition, event: { stream: topic, offset } }]
    }
    return []
  })
}
