import type { Metrics } from './app/app.js'
import type { PipelineMetrics } from './outcome/pipeline-metrics.js'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly unit?: 'seconds'
  readonly help: string
  readonly samples: (of: PipelineMetrics) => readonly Sample[]
}

const one =
  (value: (of: PipelineMetrics) => number) =>
  (of: PipelineMetrics): readonly Sample[] => [[{}, value(of)]]

const each =
  (label: string, values: (of: PipelineMetrics) => Readonly<Partial<Record<string, number>>>) =>
  (of: PipelineMetrics): readonly Sample[] =>
    Object.entries(values(of)).map(([name, value]) => [{ [label]: name }, value ?? 0])

const FAMILIES: readonly Family[] = [
  {
    name: 'joinery_records_in',
    type: 'counter',
    help: 'Stream records that were processed: the sum of emitted, dropped, dead-lettered and waiting ones.',
    samples: one((of) => of.in),
  },
  {
    name: 'joinery_records_emitted',
    type: 'counter',
    help: 'Stream records whose result was written.',
    samples: one((of) => of.emitted),
  },
  {
    name: 'joinery_records_dropped',
    type: 'counter',
    help: 'Stream records that were dropped.',
    samples: each('reason', (of) => of.dropped),
  },
  {
    name: 'joinery_records_dead_lettered',
    type: 'counter',
    help: 'Stream records that were dead-lettered.',
    samples: each('reason', (of) => of.deadLettered),
  },
  {
    name: 'joinery_records_waiting',
    type: 'gauge',
    help: 'Stream records that wait for a row, or for the outcome of their call.',
    samples: one((of) => of.waiting),
  },
  {
    name: 'joinery_oldest_wait_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'How long the oldest waiting record has waited.',
    samples: one((of) => of.oldestWaitMs / 1_000),
  },
  {
    name: 'joinery_records_joined',
    type: 'counter',
    help: 'Emitted records that met a row, by join.',
    samples: each('join', (of) => of.joined),
  },
  {
    name: 'joinery_records_unmatched',
    type: 'counter',
    help: 'Emitted records that met no row, by join.',
    samples: each('join', (of) => of.unmatched),
  },
  {
    name: 'joinery_timestamps_clamped',
    type: 'counter',
    help: 'Outputs whose timestamp lay too far ahead and was set to one hour ahead.',
    samples: one((of) => of.clamped),
  },
  {
    name: 'joinery_calls_reported_in_doubt',
    type: 'counter',
    help: 'Calls that were reported in doubt. The gauge joinery_calls_in_doubt has the current number.',
    samples: (of) => (of.inDoubt === undefined ? [] : [[{}, of.inDoubt]]),
  },
]

/**
 * Figures in the text format of OpenMetrics 1.0, as Prometheus scrapes it. Serve it with the content type
 * `application/openmetrics-text; version=1.0.0; charset=utf-8`. Samples carry `pipeline` and `task`, so that the
 * instances of an application add up.
 *
 * @example
 * ```ts
 * const body = openMetrics(app.metrics())
 * ```
 */
export function openMetrics(metrics: Metrics): string {
  const lines: string[] = []
  for (const { name, type, unit, help, samples } of FAMILIES) {
    head(lines, name, type, help, unit)
    for (const [pipeline, tasks] of Object.entries(metrics.tasks)) {
      for (const [task, of] of Object.entries(tasks)) {
        for (const [labels, value] of samples(of))
          lines.push(sample(type === 'counter' ? `${name}_total` : name, { pipeline, task, ...labels }, value))
      }
    }
  }
  for (const [gauge, value] of Object.entries(metrics.gauges)) {
    const name = nameOf(gauge)
    head(lines, name, 'gauge', `The gauge ${gauge} of this instance.`)
    lines.push(sample(name, {}, value))
  }
  for (const [count, value] of Object.entries(metrics.counts)) {
    const name = nameOf(count)
    head(lines, name, 'counter', `The count ${count} of this instance since it started.`)
    lines.push(sample(`${name}_total`, {}, value))
  }
  return `${lines.join('\n')}\n# EOF\n`
}

/** A name of the library's, as OpenMetrics has them. */
const nameOf = (name: string): string => `joinery_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`

function head(lines: string[], name: string, type: string, help: string, unit?: string): void {
  lines.push(`# TYPE ${name} ${type}`)
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`)
  lines.push(`# HELP ${name} ${help}`)
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))
