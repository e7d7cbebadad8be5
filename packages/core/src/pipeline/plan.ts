import { reportsTopic } from '../changelog/reports-topic.js'
import { JoineryError } from '../errors.js'
import type { Guarantee } from '../log/contract.js'
import type { Decoder, Encoder } from '../serde/serde.js'
import { type CallPlan, planCalls } from './call-plan.js'
import type { FilterStep, JoinStep, MapStep, PipelineDescription } from './description.js'
import { type OnError, OptionValidator, type WaitPlan } from './option-planner.js'
import type { Pipeline } from './pipeline.js'
import { describePipeline } from './stream.js'
import type { Table } from './table.js'

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
  readonly order: 'table-first' | 'by-timestamp'
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
  readonly guarantee: Guarantee
  /** Those that join, or only pass on. */
  readonly pipelines: readonly PipelinePlan[]
  /** Those that end in calls. */
  readonly calls: readonly CallPlan[]
  /** Each table topic once. */
  readonly tables: readonly TablePlan[]
  readonly streams: readonly string[]
  readonly outputs: readonly string[]
  readonly inputs: readonly string[]
}

const APPLICATION = /^[A-Za-z0-9._-]{1,200}$/
const MAX_NAME = 249
const PROTO = '__proto__'
/** A name with half a character has no UTF-8, and would come back as another one. */
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Checks pipelines before anything connects, and says everything that is wrong at once.
 *
 * @throws JoineryError `PIPELINE_INVALID` with all `problems`.
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
    const problem = (text: string) => problems.push(`pipeline ${brief(description.name)}: ${text}`)
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

/** What pipelines need of a changelog, which at-least-once does not write: without it, state would be wrong after a crash. */
function changelogNeeds(
  pipelines: readonly PipelinePlan[],
  tables: readonly TablePlan[],
  calls: readonly CallPlan[],
): string[] {
  return [
    ...pipelines.flatMap(({ name, joins }) =>
      joins
        .filter(({ wait }) => wait !== undefined)
        .map((join) => `pipeline ${name}: join ${join.name} waits, and waiting events are kept by exactly-once only`),
    ),
    ...tables
      .filter(({ order }) => order === 'by-timestamp')
      .map(({ topic }) => `table ${topic} starts 'by-timestamp', and its rows are kept by exactly-once only`),
    ...calls.map(({ name }) => `pipeline ${name} makes calls, and what was called is kept by exactly-once only`),
  ]
}

/** A topic has one role in an application: its position, its rows and its records mean one thing. */
function checkRoles(application: string, plan: ApplicationPlan, problems: string[]): void {
  const names = new Set<string>()
  for (const { name } of [...plan.pipelines, ...plan.calls]) {
    if (names.has(name)) problems.push(`two pipelines are called ${name}: name one with stream(topic, { name })`)
    names.add(name)
  }
  const roles = new Map<string, string>()
  const claim = (topic: string, role: string, shared: boolean) => {
    if (topic === PROTO) problems.push(`topic ${PROTO}: JavaScript objects cannot hold this name, use another topic`)
    const other = roles.get(topic)
    if (other !== undefined && !(shared && other === role))
      problems.push(`topic ${topic} is ${other} and ${role}: a topic has one role in an application`)
    else roles.set(topic, role)
  }
  claim(`${application}-changelog`, 'the changelog', false)
  claim(reportsTopic(application), 'the reports of calls', false)
  for (const topic of plan.streams) claim(topic, 'a stream', false)
  for (const table of plan.tables) claim(table.topic, 'a table', false)
  for (const topic of plan.outputs) claim(topic, 'an output', true)
}

function planPipeline(
  { name, stream, options, steps, sink }: PipelineDescription,
  problems: string[],
  problem: (text: string) => void,
): PipelinePlan {
  const planner = new OptionValidator(problem)
  const tables: TablePlan[] = []
  const joins: JoinPlan[] = []
  const planTableOf = (source: Table<unknown, unknown>): number => {
    const plan = planTable(source, planner)
    const known = tables.findIndex(({ topic }) => topic === plan.topic)
    if (known < 0) return tables.push(plan) - 1
    checkSameTable(tables[known] as TablePlan, plan, problems)
    return known
  }
  const plannedSteps = steps.map((step) => {
    if (step.step !== 'join') return step
    const topic = step.table?.kind === 'table' ? step.table.topic : undefined
    if (topic === undefined) problem('a stream can only be joined with table(topic)')
    else if (topic.key.format !== stream.key.format)
      problem(
        `keys of stream ${stream.name} (${stream.key.format}) and table ${topic.name} (${topic.key.format}) have different formats, so they would never match`,
      )
    const joinName = step.name ?? topic?.name ?? `join ${joins.length + 1}`
    checkName('a join', joinName, problem)
    if (joins.some((join) => join.name === joinName))
      problem(`two joins are called ${joinName}: give one of them a name`)
    const join: JoinPlan = {
      step: 'join',
      index: joins.length,
      name: joinName,
      kind: step.kind,
      table: topic === undefined ? -1 : planTableOf(step.table),
      joiner: step.joiner,
      wait: planner.wait(step, joinName),
    }
    joins.push(join)
    return join
  })
  if (sink.key.format !== stream.key.format)
    problem(
      `keys pass through unchanged, but stream ${stream.name} (${stream.key.format}) and output ${sink.name} (${sink.key.format}) have different formats`,
    )
  const onError = planner.onError(`stream ${stream.name}`, options)
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
    outputs: [...new Set([sink.name, ...planner.outputs])],
  }
}

function planTable(source: Table<unknown, unknown>, planner: OptionValidator): TablePlan {
  const { topic, options } = source
  return {
    topic: topic.name,
    key: topic.key,
    value: topic.value,
    order: planner.order(topic.name, options),
    onError: planner.onError(`table ${topic.name}`, options),
    source,
  }
}

function checkSameTable(a: TablePlan, b: TablePlan, problems: string[]): void {
  const isSame =
    a.source === b.source ||
    (a.key.format === b.key.format &&
      a.value === b.value &&
      a.order === b.order &&
      JSON.stringify(a.onError) === JSON.stringify(b.onError))
  if (!isSame)
    problems.push(`table ${a.topic} is defined twice with different serdes or options: define it once and share it`)
}

/** Names of pipelines and joins become keys of the changelog, of the committed totals and of metrics. */
function checkName(what: string, name: string, problem: (text: string) => void): void {
  if (name === '' || name.length > MAX_NAME || LONE_SURROGATE.test(name))
    problem(`the name of ${what} is ${JSON.stringify(brief(name))}: use 1 to ${MAX_NAME} characters`)
  else if (name === PROTO) problem(`${what} is called ${PROTO}: JavaScript objects cannot hold this name`)
}

const brief = (name: string): string => (name.length > MAX_NAME ? `${name.slice(0, 50)}…` : name)
