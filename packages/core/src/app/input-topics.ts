import { reportsTopic } from '../changelog/reports-topic.js'
import { JoineryError } from '../errors.js'
import type { Log, OutputTopicInfo, TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import { tasksUnder } from './guarantee.js'

/** Metadata of an application's topics, read before it starts. */
export interface ApplicationTopics {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: TopicInfo
  /** `undefined` if the application makes no calls. */
  readonly reports: TopicInfo | undefined
}

interface ApplicationTopicsOptions {
  readonly application: string
  readonly plan: ApplicationPlan
  readonly log: Log<never>
}

/**
 * Reads the metadata of the inputs and outputs, and creates the changelog.
 *
 * @throws JoineryError `PIPELINE_INVALID` with all `problems` of the topics
 */
export async function describeTopics({ application, plan, log }: ApplicationTopicsOptions): Promise<ApplicationTopics> {
  const described = await log.source.describe([...new Set([...plan.inputs, ...plan.outputs])]) // one error names all that is missing
  const inputs = described.filter(({ topic }) => plan.inputs.includes(topic))
  const outputs = described.filter(({ topic }) => plan.outputs.includes(topic))
  const partitions = inputs[0]?.partitions ?? 0
  const problems = [...unequalCounts(inputs), ...(plan.guarantee === 'at-least-once' ? lossyTables(plan, inputs) : [])]
  if (problems.length > 0)
    throw new JoineryError('PIPELINE_INVALID', `the topics do not fit together: ${problems.join('; ')}`, { problems })
  const maxMessageBytes = Math.max(...inputs.map((input) => input.maxMessageBytes))
  const reportsNeeded = plan.calls.length > 0
  const tasks = tasksUnder(plan.guarantee, log)
  const changelog = await tasks.prepare({ application, partitions, maxMessageBytes, reports: reportsNeeded })
  const [reports] = reportsNeeded ? await log.source.describe([reportsTopic(application)]) : []
  const all = reports === undefined ? inputs : [...inputs, reports]
  return { inputs: byTopic(all), outputs: byTopic(outputs), changelog, reports }
}

function unequalCounts(inputs: readonly TopicInfo[]): string[] {
  if (inputs.every(({ partitions }) => partitions === inputs[0]?.partitions)) return []
  const counts = inputs.map(({ topic, partitions }) => `${topic} has ${partitions}`).join(', ')
  return [`joined topics need the same number of partitions, so that equal keys meet: ${counts}`]
}

/** Tables whose rows could not be rebuilt from their own topics. */
function lossyTables({ tables }: ApplicationPlan, inputs: readonly TopicInfo[]): string[] {
  const isTable = new Set(tables.map(({ topic }) => topic))
  return inputs
    .filter(({ topic, cleanup }) => isTable.has(topic) && cleanup !== 'compact')
    .map(
      ({ topic, cleanup }) =>
        `table ${topic} has cleanup.policy ${cleanup}, and at-least-once does not store its rows: set it to compact`,
    )
}

const byTopic = (infos: readonly TopicInfo[]): Map<string, TopicInfo> =>
  new Map(infos.map((info) => [info.topic, info]))
