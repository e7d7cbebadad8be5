import { type PipelineMetrics, toMetrics } from '../outcome/pipeline-metrics.js'
import { addTotals, newTotals } from '../outcome/totals.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { Counts } from '../task/counters.js'
import type { Task } from '../task/task.js'
import type { Metrics, StalledTask } from './app.js'

/** @returns gauges of the tasks that make no progress: their number, and the longest time */
export function stallGauges(stalled: readonly StalledTask[]): Readonly<Record<string, number>> {
  return { stalledTasks: stalled.length, stalledMs: Math.max(0, ...stalled.map(({ forMs }) => forMs)) }
}

/**
 * Sums up the metrics of an instance's tasks.
 *
 * @param sharedGauges gauges of the instance
 */
export function appMetrics(
  plan: ApplicationPlan,
  tasks: readonly Task[],
  counts: Counts,
  sharedGauges: Readonly<Record<string, number>>,
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
  const gauges: Record<string, number> = { ...sharedGauges, tasks: tasks.length }
  for (const task of tasks) {
    for (const [name, value] of Object.entries(task.gauges())) gauges[name] = (gauges[name] ?? 0) + value
  }
  return { pipelines, tasks: byTask, gauges, counts: { ...counts } }
}
