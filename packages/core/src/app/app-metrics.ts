import { type PipelineMetrics, toMetrics } from '../outcome/pipeline-metrics.js'
import { addTotals, newTotals } from '../outcome/totals.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { Counts } from '../task/counters.js'
import type { StoredBytes } from '../task/stores/stored-bytes.js'
import type { Task } from '../task/task.js'
import type { Metrics, StalledTask, TableMetrics } from './app.js'

/** @returns gauges of the tasks that make no progress: their number, and the longest time */
export function stallGauges(stalled: readonly StalledTask[]): Readonly<Record<string, number>> {
  return { stalledTasks: stalled.length, stalledMs: Math.max(0, ...stalled.map(({ forMs }) => forMs)) }
}

/**
 * Sums up the metrics of an instance's tasks.
 *
 * @param shared what the tasks of the instance share; with further gauges
 */
export function appMetrics(
  plan: ApplicationPlan,
  tasks: readonly Task[],
  shared: {
    readonly counts: Counts
    readonly storedBytes: StoredBytes
    readonly gauges: Readonly<Record<string, number>>
  },
): Metrics {
  const byTask: Record<string, Record<string, PipelineMetrics>> = {}
  const pipelines: Record<string, PipelineMetrics> = {}
  for (const { name } of [...plan.pipelines, ...plan.calls]) {
    const sum = newTotals()
    let oldestWaitMs = 0
    const figures: Record<string, PipelineMetrics> = {}
    for (const task of tasks) {
      const totals = task.totals[name]
      if (totals === undefined) continue
      const waitMs = task.oldestWaitMs(name)
      figures[String(task.partition)] = toMetrics(totals, waitMs)
      addTotals(sum, totals)
      oldestWaitMs = Math.max(oldestWaitMs, waitMs)
    }
    byTask[name] = figures
    pipelines[name] = toMetrics(sum, oldestWaitMs)
  }
  const tables: Record<string, TableMetrics> = {}
  for (const { topic } of plan.tables) {
    const storedBytes = shared.storedBytes.of(topic)
    if (storedBytes !== undefined) tables[topic] = { storedBytes }
  }
  const sizes = Object.values(tables)
  const gauges: Record<string, number> = {
    ...shared.gauges,
    ...(sizes.length > 0 && { storedBytes: sizes.reduce((sum, { storedBytes }) => sum + storedBytes, 0) }),
    tasks: tasks.length,
  }
  for (const task of tasks) {
    for (const [name, value] of Object.entries(task.gauges())) gauges[name] = (gauges[name] ?? 0) + value
  }
  return { pipelines, tasks: byTask, tables, gauges, counts: { ...shared.counts } }
}
