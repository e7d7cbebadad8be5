import { JoineryError } from '../errors.js'
import type { Guarantee } from '../log/contract.js'
import type { Decoder, Encoder } from '../serde/serde.js'
import { describePipeline } from './built-pipeline.js'
import { type CallPlan, planCalls } from './call-plan.js'
import type { JoinStep, PipelineDescription, ValueStep } from './description.js'
import { checkName, shorten } from './names.js'
import { JOIN_OPTIONS, STREAM_OPTIONS, TABLE_OPTIONS } from './option-names.js'
import { type OnError, OptionValidator, type WaitPlan } from './option-validator.js'
import type { Pipeline } from './pipeline.js'
import type { Table } from './table.js'
import { checkTopicRoles } from './topic-roles.js'

/** A checked join. `table` indexes the pipeline's tables. */
export interface JoinPlan {
  readonly type: 'join'
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
  readonly order: 'table-first' | 'by-timestamp'
  /** The most bytes that an instance holds; `undefined`: no bound. */
  readonly maxBytes: number | undefined
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
  readonly steps: readonly (ValueStep | JoinPlan)[]
  readonly joins: readonly JoinPlan[]
  readonly tables: readonly TablePlan[]
  readonly sink: string
  readonly timestamps: 'event' | 'now'
  readonly encode: Encoder<unknown>
  /** All topics that the pipeline writes to, including dead-letter topics. */
  readonly outputs: readonly string[]
}

/** All pipelines of one application. */
export interface ApplicationPlan {
  readonly guarantee: Guarantee
  /** Pipelines without calls. */
  readonly pipelines: readonly PipelinePlan[]
  /** Pipelines that end in calls. */
  readonly calls: readonly CallPlan[]
  /** Each table topic once. */
  readonly tables: readonly TablePlan[]
  readonly streams: readonly string[]
  readonly outputs: readonly string[]
  readonly inputs: readonly string[]
}

const APPLICATION = /^[A-Za-z0-9._-]{1,200}$/

/**
 * Checks pipelines before anything connects.
 *
 * @throws JoineryError `PIPELINE_INVALID` with every problem that it found
 */
export function planApplication(
  application: string,
  what: Pipeline | readonly Pipeline[],
  guarantee: Guarantee = 'exactly-once',
): ApplicationPlan {
  const problems: string[] = []
  const descriptions = (Array.isArray(what) ? what : [what]).map((pipeline: Pipeline) => describePipeline(pipeline))
  if (typeof application !== 'string' || !APPLICATION.test(application))
    problems.push(`application ${JSON.stringify(application)}: use 1 to 200 letters, digits, '.', '_' or '-'`)
  if (descriptions.length === 0) problems.push('there is no pipeline to run')
  const pipelines: PipelinePlan[] = []
  const calls: CallPlan[] = []
  for (const description of descriptions) {
    const problem = (text: string) => problems.push(`pipeline ${shorten(description.name)}: ${text}`)
    checkName('the pipeline', description.name, problem)
    if ('call' in description) calls.push(planCalls(application, description, problem))
    else pipelines.push(planPipeline(description, problems, problem))
  }
  const tables = new Map<string, TablePlan>()
  for (const plan of pipelines.flatMap((pipeline) => pipeline.tables)) {
    const first = tables.get(plan.topic)
    if (first === undefined) tables.set(plan.topic, plan)
    else checkSameTable(first, plan, problems)
  }
  if (guarantee === 'at-least-once') problems.push(...changelogNeeds(pipelines, [...tables.values()], calls))
  const streams = [...pipelines, ...calls].map(({ stream }) => stream)
  const plan: ApplicationPlan = {
    guarantee,
    pipelines,
    calls,
    tables: [...tables.values()],
    streams,
    outputs: [...new Set([...pipelines, ...calls].flatMap(({ outputs }) => outputs))],
    inputs: [...new Set([...streams, ...tables.keys()])],
  }
  checkPipelineNames([...pipelines, ...calls], problems)
  const roles = { streams, tables: [...tables.keys()], outputs: plan.outputs }
  checkTopicRoles(application, roles, (text) => problems.push(text))
  if (problems.length > 0) {
    throw new JoineryError(
      'PIPELINE_INVALID',
      `${problems.length === 1 ? 'a problem' : `${problems.length} problems`} to fix:\n  - ${problems.join('\n  - ')}`,
      { problems },
    )
  }
  return plan
}

/** @returns problems of pipelines that need a changelog, which at-least-once does not write */
function changelogNeeds(
  pipelines: readonly PipelinePlan[],
  tables: readonly TablePlan[],
  calls: readonly CallPlan[],
): string[] {
  return [
    ...pipelines.flatMap(({ name, joins }) =>
      joins
        .filter(({ wait }) => wait !== undefined)
        .map((join) => `pipeline ${name}: join ${join.name} waits, but only exactly-once keeps waiting events`),
    ),
    ...tables
      .filter(({ order }) => order === 'by-timestamp')
      .map(({ topic }) => `table ${topic} has order 'by-timestamp', but only exactly-once keeps its rows`),
    ...calls.map(({ name }) => `pipeline ${name} makes calls, but only exactly-once records which were made`),
  ]
}

function checkPipelineNames(pipelines: readonly { readonly name: string }[], problems: string[]): void {
  const names = new Set<string>()
  for (const { name } of pipelines) {
    if (names.has(name)) problems.push(`two pipelines are called ${name}: name one with stream(topic, { name })`)
    names.add(name)
  }
}

function planPipeline(
  { name, stream, options, steps, sink, sinkOptions }: PipelineDescription,
  problems: string[],
  problem: (text: string) => void,
): PipelinePlan {
  const validator = new OptionValidator(problem)
  const tables: TablePlan[] = []
  const joins: JoinPlan[] = []
  const planTableOf = (source: Table<unknown, unknown>): number => {
    const plan = planTable(source, validator)
    const known = tables.findIndex(({ topic }) => topic === plan.topic)
    if (known < 0) return tables.push(plan) - 1
    checkSameTable(tables[known] as TablePlan, plan, problems)
    return known
  }
  const plannedSteps = steps.map((step) => {
    if (step.type !== 'join') return step
    const topic = step.table?.kind === 'table' ? step.table.topic : undefined
    if (topic === undefined) problem('a stream can only be joined with table(topic)')
    else if (topic.key.format !== stream.key.format)
      problem(
        `keys of stream ${stream.name} (${stream.key.format}) and table ${topic.name} (${topic.key.format}) have different formats, so they would never match`,
      )
    const joinName = step.options.name ?? topic?.name ?? `join ${joins.length + 1}`
    checkName('a join', joinName, problem)
    validator.names(`join ${joinName}`, step.options, JOIN_OPTIONS)
    if (joins.some((join) => join.name === joinName))
      problem(`two joins are called ${joinName}: give one of them a name`)
    const join: JoinPlan = {
      type: 'join',
      index: joins.length,
      name: joinName,
      kind: step.kind,
      table: topic === undefined ? -1 : planTableOf(step.table),
      joiner: step.joiner,
      wait: validator.wait(step, joinName),
    }
    joins.push(join)
    return join
  })
  if (sink.key.format !== stream.key.format)
    problem(
      `keys pass through unchanged, but stream ${stream.name} (${stream.key.format}) and output ${sink.name} (${sink.key.format}) have different formats`,
    )
  validator.names(`stream ${stream.name}`, options, STREAM_OPTIONS)
  const onError = validator.onError(`stream ${stream.name}`, options)
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
    timestamps: validator.timestamps(sink.name, sinkOptions),
    encode: sink.value as Encoder<unknown>,
    outputs: [...new Set([sink.name, ...validator.outputs])],
  }
}

function planTable(source: Table<unknown, unknown>, validator: OptionValidator): TablePlan {
  const { topic, options } = source
  validator.names(`table ${topic.name}`, options, TABLE_OPTIONS)
  return {
    topic: topic.name,
    key: topic.key,
    value: topic.value,
    order: validator.order(topic.name, options),
    maxBytes: validator.maxBytes(topic.name, options),
    onError: validator.onError(`table ${topic.name}`, options),
    source,
  }
}

function checkSameTable(a: TablePlan, b: TablePlan, problems: string[]): void {
  const isSame =
    a.source === b.source ||
    (a.key.format === b.key.format &&
      a.value === b.value &&
      a.order === b.order &&
      a.maxBytes === b.maxBytes &&
      JSON.stringify(a.onError) === JSON.stringify(b.onError))
  if (!isSame)
    problems.push(`table ${a.topic} is defined twice with different serdes or options: define it once and share it`)
}
