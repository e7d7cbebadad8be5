import { JoineryError } from '../errors.js'
import type { OutputTopic } from '../join/effects.js'
import type { Log, TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'

/** Facts about topics, gathered before anything starts. */
export interface Topics {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly outputs: ReadonlyMap<string, OutputTopic>
  readonly changelog: TopicInfo
}

interface TopicsOptions {
  readonly application: string
  readonly plan: ApplicationPlan
  readonly log: Log<'exactly-once'>
}

/** Reads what the inputs and outputs are, and says everything that does not fit at once. */
export async function describeTopics({ application, plan, log }: TopicsOptions): Promise<Topics> {
  const inputs = await log.source.describe(plan.inputs)
  const outputs = await log.source.describe(plan.outputs)
  const partitions = inputs[0]?.partitions ?? 0
  if (inputs.some((input) => input.partitions !== partitions)) {
    const counts = inputs.map((input) => `${input.topic} has ${input.partitions}`).join(', ')
    throw new JoineryError(
      'PIPELINE_INVALID',
      `joined topics need the same number of partitions, so that equal keys meet: ${counts}`,
      { problems: [counts] },
    )
  }
  const maxMessageBytes = Math.max(...inputs.map((input) => input.maxMessageBytes))
  const changelog = await log.tasks.prepare({ application, partitions, maxMessageBytes })
  return { inputs: byTopic(inputs), outputs: byTopic(outputs), changelog }
}

const byTopic = (infos: readonly TopicInfo[]): Map<string, TopicInfo> =>
  new Map(infos.map((info) => [info.topic, info]))
