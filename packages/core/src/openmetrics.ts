import type { Metrics } from './app/app.js'
import type { PipelineMetrics } from './outcome/pipeline-metrics.js'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

/** One metric, as OpenMetrics calls it: a name, and its samples with labels. */
interface MetricFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly unit?: 'seconds'
  readonly help: string
  readonly samples: (metrics: PipelineMetrics) => readonly Sample[]
}

const single =
  (value: (metrics: PipelineMetrics) => number) =>
  (metrics: PipelineMetrics): readonly Sample[] => [[{}, value(metrics)]]

const labelled =
  (label: string, values: (metrics: PipelineMetrics) => Readonly<Partial<Record<string, number>>>) =>
  (metrics: PipelineMetrics): readonly Sample[] =>
    Object.entries(values(metrics)).map(([name, value]) => [{ [label]: name }, value ?? 0])

const FAMILIES: readonly MetricFamily[] = [
  {
    name: 'joinery_records_in',
    type: 'counter',
    help: 'Stream records processed: the sum of emitted, dropped, dead-lettered and waiting records.',
    samples: single((metrics) => metrics.in),
  },
  {
    name: 'joinery_records_emitted',
    type: 'counter',
    help: 'Stream records whose result was written to the output topic.',
    samples: single((metrics) => metrics.emitted),
  },
  {
    name: 'joinery_records_dropped',
    type: 'counter',
    help: 'Stream records dropped, by reason.',
    samples: labelled('reason', (metrics) => metrics.dropped),
  },
  {
    name: 'joinery_records_dead_lettered',
    type: 'counter',
    help: 'Stream records written to a dead-letter topic, by reason.',
    samples: labelled('reason', (metrics) => metrics.deadLettered),
  },
  {
    name: 'joinery_records_waiting',
    type: 'gauge',
    help: 'Stream records that are waiting: in a join for their row, in a pipeline of calls for the outcome of their call.',
    samples: single((metrics) => metrics.waiting),
  },
  {
    name: 'joinery_oldest_wait_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'The age of the oldest waiting record; 0 if none is waiting.',
    samples: single((metrics) => metrics.oldestWaitMs / 1_000),
  },
  {
    name: 'joinery_records_joined',
    type: 'counter',
    help: 'Emitted records for which a row was found, by join.',
    samples: labelled('join', (metrics) => metrics.joined),
  },
  {
    name: 'joinery_records_unmatched',
    type: 'counter',
    help: 'Emitted records for which no row was found, by left join.',
    samples: labelled('join', (metrics) => metrics.unmatched),
  },
  {
    name: 'joinery_timestamps_clamped',
    type: 'counter',
    help: 'Outputs whose timestamp was too far in the future and was set to one hour from now.',
    samples: single((metrics) => metrics.clamped),
  },
  {
    name: 'joinery_outputs_older_than_retention',
    type: 'counter',
    help: "Outputs that were older than their topic's retention.ms when they were written, by topic.",
    samples: labelled('topic', (metrics) => metrics.olderThanRetention ?? {}),
  },
  {
    name: 'joinery_calls_reported_in_doubt',
    type: 'counter',
    help: 'Calls that were reported as in doubt. For the current number, see joinery_calls_in_doubt.',
    samples: (metrics) => (metrics.inDoubt === undefined ? [] : [[{}, metrics.inDoubt]]),
  },
]

/**
 * Formats metrics in the text format of OpenMetrics 1.0, which Prometheus scrapes. Serve it with the content type
 * `application/openmetrics-text; version=1.0.0; charset=utf-8`. Samples have the labels `pipeline` and `task`, so the samples
 * of all instances of an application can be summed.
 *
 * @returns the complete exposition
 *
 * @example
 * ```ts
 * const body = openMetrics(app.metrics())
 * ```
 */
export function openMetrics(metrics: Metrics): string {
  const lines: string[] = []
  for (const { name, type, unit, help, samples } of FAMILIES) {
    addHeader(lines, name, type, help, unit)
    for (const [pipeline, tasks] of Object.entries(metrics.tasks)) {
      for (const [task, taskMetrics] of Object.entries(tasks)) {
        for (const [labels, value] of samples(taskMetrics))
          lines.push(sample(type === 'counter' ? `${name}_total` : name, { pipeline, task, ...labels }, value))
      }
    }
  }
  const tables = Object.entries(metrics.tables)
  if (tables.length > 0)
    addHeader(lines, TABLE_BYTES, 'gauge', 'Bytes that rows take in the stores of this instance, by table.', 'bytes')
  for (const [table, { storedBytes }] of tables) lines.push(sample(TABLE_BYTES, { table }, storedBytes))
  for (const [gauge, value] of Object.entries(metrics.gauges)) {
    const name = metricName(gauge)
    addHeader(lines, name, 'gauge', `The gauge ${gauge} of this instance.`)
    lines.push(sample(name, {}, value))
  }
  for (const [count, value] of Object.entries(metrics.counts)) {
    const name = metricName(count)
    addHeader(lines, name, 'counter', `The counter ${count} of this instance, since it started.`)
    lines.push(sample(`${name}_total`, {}, value))
  }
  return `${lines.join('\n')}\n# EOF\n`
}

const TABLE_BYTES = 'joinery_table_stored_bytes'

/** @returns the metric name of a gauge or counter: `cacheHits` becomes `joinery_cache_hits` */
const metricName = (name: string): string => `joinery_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`

function addHeader(lines: string[], name: string, type: string, help: string, unit?: string): void {
  lines.push(`# TYPE ${name} ${type}`)
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`)
  lines.push(`# HELP ${name} ${help}`)
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
