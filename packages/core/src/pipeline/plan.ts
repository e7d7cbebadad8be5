import { durationMs, sizeBytes } from '../duration.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { Decoder, Encoder } from '../serde/serde.js'
import { type DeadLetter, deadLetterTopic, type ReadOptions } from './dead-letter.js'
import type { FilterStep, JoinStep, MapStep, PipelineDescription } from './description.js'
import { describePipeline, type Pipeline } from './stream.js'
import type { Table } from './table.js'

/** Where a bad record goes: to this topic, or nowhere, because it halts the application. */
export type OnError = { readonly topic: string } | 'halt'

/** A checked wait, in numbers. */
export interface WaitPlan {
  readonly atMostMs: number
  readonly ready: ((row: unknown, value: unknown) => boolean) | undefined
  readonly maxRecords: number
  readonly maxBytes: number
  /** A dead-letter topic, or `undefined` to pause. */
  readonly whenFull: string | undefined
  /** Inner joins: a dead-letter topic, or `undefined` to drop. */
  readonly otherwise: string | undefined
}

/** A checked join. `table` indexes the pipeline's tables. */
export interface JoinPlan {
  readonly step: 'join'
  readonly index: number
  readonly name: string
  readonly kind: 'inner' | 'left'
  readonly table: number
  readonly joiner: JoinStep['joiner']
  readonly wait: WaitPlan | undefined
}

/** A checked table. */
export interface TablePlan {
  readonly topic: string
  readonly key: Decoder<unknown>
  readonly value: Decoder<unknown>
  readonly start: 'table-first' | 'by-timestamp'
  readonly onError: OnError
  readonly source: Table<unknown, unknown>
}

/** A checked pipeline, ready to run. */
export interface PipelinePlan {
  readonly name: string
  readonly stream: string
  readonly key: Decoder<unknown>
  readonly value: Decoder<unknown>
  readonly onError: OnError
  readonly steps: readonly (FilterStep | MapStep | JoinPlan)[]
  readonly joins: readonly JoinPlan[]
  readonly tables: readonly TablePlan[]
  readonly sink: string
  readonly encode: Encoder<unknown>
  /** Everything that it writes to, dead-letter topics included. */
  readonly outputs: readonly string[]
}

/** All pipelines of one application. */
export interface ApplicationPlan {
  readonly pipelines: readonly PipelinePlan[]
  /** Each table topic once. */
  readonly tables: readonly TablePlan[]
  readonly streams: readonly string[]
  readonly outputs: readonly string[]
  readonly inputs: readonly string[]
}

const APPLICATION = /^[A-Za-z0-9._-]{1,200}$/
const DEFAULT_MAX_RECORDS = 100_000
const DEFAULT_MAX_BYTES = '64MiB'

/**
 * Checks pipelines before anything connects, and says everything that is wrong at once.
 *
 * @throws JoineryError `PIPELINE_INVALID` with all `problems`.
 */
export function planApplication(application: string, what: Pipeline | readonly Pipeline[]): ApplicationPlan {
  const problems: string[] = []
  const descriptions = (Array.isArray(what) ? what : [what]).map((pipeline: Pipeline) => describePipeline(pipeline))
  if (!APPLICATION.test(application))
    problems.push(`application ${JSON.stringify(application)}: use 1 to 200 letters, digits, '.', '_' or '-'`)
  if (descriptions.length === 0) problems.push('there is no pipeline to run')
  const pipelines = descriptions.map((description) => planPipeline(description, problems))
  const tables = new Map<string, TablePlan>()
  for (const plan of pipelines.flatMap((pipeline) => pipeline.tables)) {
    const first = tables.get(plan.topic)
    if (first === undefined) tables.set(plan.topic, plan)
    else if (first.source !== plan.source && !sameTable(first, plan))
      problems.push(
        `table ${plan.topic} is defined twice with different serdes or options: define it once and share it`,
      )
  }
  const plan: ApplicationPlan = {
    pipelines,
    tables: [...tables.values()],
    streams: pipelines.map((pipeline) => pipeline.stream),
    outputs: [...new Set(pipelines.flatMap((pipeline) => pipeline.outputs))],
    inputs: [...new Set([...pipelines.map((pipeline) => pipeline.stream), ...tables.keys()])],
  }
  checkRoles(application, plan, problems)
  if (problems.length > 0) {
    throw new JoineryError(
      'PIPELINE_INVALID',
      `${problems.length === 1 ? 'a problem' : `${problems.length} problems`} to fix:\n  - ${problems.join('\n  - ')}`,
      { problems },
    )
  }
  return plan
}

/** A topic has one role in an application: its position, its rows and its records mean one thing. */
function checkRoles(application: string, plan: ApplicationPlan, problems: string[]): void {
  const names = new Set<string>()
  for (const { name } of plan.pipelines) {
    if (names.has(name)) problems.push(`two pipelines are called ${name}: name one with stream(topic, { name })`)
    names.add(name)
  }
  const roles = new Map<string, string>()
  const claim = (topic: string, role: string, shared: boolean) => {
    const other = roles.get(topic)
    if (other !== undefined && !(shared && other === role))
      problems.push(`topic ${topic} is ${other} and ${role}: a topic has one role in an application`)
    else roles.set(topic, role)
  }
  claim(`${application}-changelog`, 'the changelog', false)
  for (const topic of plan.streams) claim(topic, 'a stream', false)
  for (const table of plan.tables) claim(table.topic, 'a table', false)
  for (const topic of plan.outputs) claim(topic, 'an output', true)
}

function planPipeline({ name, stream, options, steps, sink }: PipelineDescription, problems: string[]): PipelinePlan {
  const problem = (text: string) => problems.push(`pipeline ${name}: ${text}`)
  const tables: TablePlan[] = []
  const joins: JoinPlan[] = []
  const outputs = new Set([sink.name])
  const plannedSteps = steps.map((step) => {
    if (step.step !== 'join') return step
    const topic = step.table?.topic
    if (step.table?.kind !== 'table') problem('a stream can only be joined with table(topic)')
    else if (topic.key.format !== stream.key.format)
      problem(
        `keys of stream ${stream.name} (${stream.key.format}) and table ${topic.name} (${topic.key.format}) have different formats, so they would never match`,
      )
    let table = tables.findIndex((plan) => plan.topic === topic.name)
    if (table < 0) table = tables.push(planTable(step.table, outputs)) - 1
    const joinName = step.name ?? topic.name
    if (joins.some((join) => join.name === joinName))
      problem(`two joins are called ${joinName}: give one of them a name`)
    const join: JoinPlan = {
      step: 'join',
      index: joins.length,
      name: joinName,
      kind: step.kind,
      table,
      joiner: step.joiner,
      wait: planWait(step, joinName, outputs, problem),
    }
    joins.push(join)
    return join
  })
  if (sink.key.format !== stream.key.format)
    problem(
      `keys pass through unchanged, but stream ${stream.name} (${stream.key.format}) and output ${sink.name} (${sink.key.format}) have different formats`,
    )
  const onError = planOnError(options, outputs)
  return {
    name,
    stream: stream.name,
    key: stream.key,
    value: stream.value,
    onError,
    steps: plannedSteps,
    joins,
    tables,
    sink: sink.name,
    encode: sink.value as Encoder<unknown>,
    outputs: [...outputs],
  }
}

function planTable(table: Table<unknown, unknown>, outputs: Set<string>): TablePlan {
  const { topic, options } = table
  return {
    topic: topic.name,
    key: topic.key,
    value: topic.value,
    start: options.start ?? 'table-first',
    onError: planOnError(options, outputs),
    source: table,
  }
}

const sameTable = (a: TablePlan, b: TablePlan): boolean =>
  a.key.format === b.key.format &&
  a.value === b.value &&
  a.start === b.start &&
  JSON.stringify(a.onError) === JSON.stringify(b.onError)

function planOnError({ onError = 'halt' }: ReadOptions, outputs: Set<string>): OnError {
  return onError === 'halt' ? 'halt' : { topic: addOutput(onError, outputs) }
}

function planWait(
  step: JoinStep,
  join: string,
  outputs: Set<string>,
  problem: (text: string) => void,
): WaitPlan | undefined {
  const { wait } = step
  if (wait === undefined) return undefined
  const number = (read: () => number): number => {
    try {
      return read()
    } catch (error) {
      if (!isJoineryError(error, 'OPTION_INVALID')) throw error
      problem(`join ${join}: ${error.message}`)
      return 0
    }
  }
  const { maxRecords = DEFAULT_MAX_RECORDS, maxBytes = DEFAULT_MAX_BYTES, whenFull = 'pause', otherwise } = wait
  if (!Number.isSafeInteger(maxRecords) || maxRecords < 1)
    problem(`join ${join}: wait.maxRecords is ${maxRecords}: use a whole number of at least 1`)
  if (step.kind === 'inner' && otherwise === undefined)
    problem(`join ${join}: an inner join that waits needs wait.otherwise: 'drop' or { deadLetter }`)
  return {
    atMostMs: number(() => durationMs(wait.atMost as string, 'wait.atMost')),
    ready: wait.ready,
    maxRecords,
    maxBytes: number(() => sizeBytes(maxBytes, 'wait.maxBytes')),
    whenFull: whenFull === 'pause' ? undefined : addOutput(whenFull, outputs),
    otherwise: otherwise === undefined || otherwise === 'drop' ? undefined : addOutput(otherwise, outputs),
  }
}

function addOutput(target: DeadLetter, outputs: Set<string>): string {
  const topic = deadLetterTopic(target)
  outputs.add(topic)
  return topic
}
