import { reportsTopic } from '../changelog/reports-topic.js'
import { JoineryError } from '../errors.js'
import type { Log, OutputTopicInfo, TopicInfo } from '../log/contract.js'
import { tombstoneRetentionMs } from '../log/tombstone-retention.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import { withGuarantee } from './guarantee.js'
import { outputProblems, tightDeadLetterTopics } from './output-problems.js'

/** Metadata of an application's topics, read before it starts. */
export interface ApplicationTopics {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: TopicInfo
  /** `undefined` if the application makes no calls. */
  readonly reports: TopicInfo | undefined
  /** What the configuration of outputs loses, as text. */
  readonly problems: readonly string[]
  /** The problems, and what may be one, as text. */
  readonly notices: readonly string[]
}

/** Options of {@link describeTopics}. */
export interface ApplicationTopicsOptions {
  readonly application: string
  readonly plan: ApplicationPlan
  readonly log: Log<never>
  /** `false`: the changelog has to exist. Default: it is created. */
  readonly create?: boolean
}

/**
 * The minimum `delete.retention.ms` of a table's topic, and of the changelog. A table has to be read to its end within half of that
 * time, repeatedly, even while leaders of partitions or members of the group change.
 */
const MIN_DELETE_RETENTION_MS = 10_000

/**
 * Reads the metadata of the inputs and outputs, and creates the changelog.
 *
 * @throws JoineryError `PIPELINE_INVALID` with all `problems` of the topics; `TOPIC_UNSUITABLE` for a changelog, or the topic
 * of a table, that keeps tombstones for too short a time
 */
export async function describeTopics(options: ApplicationTopicsOptions): Promise<ApplicationTopics> {
  const { application, plan, log, create = true } = options
  const described = await log.source.describe([...new Set([...plan.inputs, ...plan.outputs])], plan.outputs) // one error names all that is missing
  const inputs = described.filter(({ topic }) => plan.inputs.includes(topic))
  const outputs = described.filter(({ topic }) => plan.outputs.includes(topic))
  const partitions = inputs[0]?.partitions ?? 0
  const misfits = [...unequalCounts(inputs), ...(plan.guarantee === 'at-least-once' ? lossyTables(plan, inputs) : [])]
  if (misfits.length > 0)
    throw new JoineryError('PIPELINE_INVALID', `the topics do not fit together: ${misfits.join('; ')}`, {
      problems: misfits,
    })
  checkTombstones(tablesOf(plan, inputs), 'table', 'the row would stay')
  const maxMessageBytes = Math.max(...inputs.map((input) => input.maxMessageBytes))
  const reportsNeeded = plan.calls.length > 0
  const tasks = withGuarantee(plan.guarantee, log)
  const changelog = await tasks.prepare({ application, partitions, maxMessageBytes, reports: reportsNeeded, create })
  checkTombstones([changelog], 'changelog', 'a waiting event would come out again')
  const [reports] = reportsNeeded ? await log.source.describe([reportsTopic(application)]) : []
  const all = reports === undefined ? inputs : [...inputs, reports]
  const topics = byTopic(described)
  const problems = outputProblems(plan, topics)
  const notices = [...problems, ...tightDeadLetterTopics(plan, topics)]
  return { inputs: byTopic(all), outputs: byTopic(outputs), changelog, reports, problems, notices }
}

function unequalCounts(inputs: readonly TopicInfo[]): string[] {
  if (inputs.every(({ partitions }) => partitions === inputs[0]?.partitions)) return []
  const counts = inputs.map(({ topic, partitions }) => `${topic} has ${partitions}`).join(', ')
  return [`joined topics need the same number of partitions, so that equal keys meet: ${counts}`]
}

/** Tables whose rows could not be rebuilt from their own topics. */
function lossyTables(plan: ApplicationPlan, inputs: readonly TopicInfo[]): string[] {
  return tablesOf(plan, inputs)
    .filter(({ cleanup }) => cleanup !== 'compact')
    .map(
      ({ topic, cleanup }) =>
        `table ${topic} has cleanup.policy ${cleanup}, and at-least-once does not store its rows: set it to compact`,
    )
}

const tablesOf = ({ tables }: ApplicationPlan, inputs: readonly TopicInfo[]): TopicInfo[] =>
  inputs.filter((info) => tables.some(({ topic }) => topic === info.topic))

/** Compaction must not remove a tombstone before it is read: what it deletes would stay. */
function checkTombstones(topics: readonly TopicInfo[], role: 'table' | 'changelog', consequence: string): void {
  const problems = topics
    .filter((info) => !(tombstoneRetentionMs(info) >= MIN_DELETE_RETENTION_MS))
    .map(({ topic, deleteRetentionMs }) => `delete.retention.ms of ${role} ${topic} is ${deleteRetentionMs}`)
  if (problems.length === 0) return
  throw new JoineryError(
    'TOPIC_UNSUITABLE',
    `${problems.join(', ')}: a deletion could be compacted away before it is read, and ${consequence}; set it to at least ${MIN_DELETE_RETENTION_MS}`,
    { problems },
  )
}

const byTopic = (infos: readonly TopicInfo[]): Map<string, TopicInfo> =>
  new Map(infos.map((info) => [info.topic, info]))
