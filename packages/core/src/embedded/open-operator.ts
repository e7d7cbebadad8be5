import { systemClock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type { OutputTopicInfo } from '../log/contract.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { planApplication } from '../pipeline/plan.js'
import { memoryStores } from '../store/memory/memory-stores.js'
import { BlockedRecords } from '../task/blocked/blocked-records.js'
import { checkOptionNames } from '../unknown-options.js'
import { functionWatch } from './function-watch.js'
import type { Operator } from './operator.js'
import type { OperatorOptions, TopicLimits } from './operator-options.js'
import { OperatorStores } from './operator-stores.js'
import { PipelineOperator } from './pipeline-operator.js'

const NO_LIMIT = Number.MAX_SAFE_INTEGER
const OPERATOR_OPTIONS: Readonly<Record<keyof OperatorOptions, true>> = {
  application: true,
  partition: true,
  stores: true,
  token: true,
  outputs: true,
  changelog: true,
  cache: true,
  watch: true,
  clock: true,
}
const TOPIC_LIMITS: Readonly<Record<keyof TopicLimits, true>> = { partitions: true, maxMessageBytes: true }

/**
 * Opens the operator of a pipeline for one partition, to be used in your own consumer: it processes records and returns
 * their effects. docs/operator.md describes which guarantees are then your responsibility.
 *
 * @returns the operator, with the state that its stores hold
 * @throws JoineryError `PIPELINE_INVALID`, `PIPELINE_CHANGED`, `OPTION_INVALID`, `STORE_FAILED`
 *
 * @example
 * ```ts
 * import type { LogRecord } from '@joinery/core'
 *
 * const record = (topic: string, offset: number, value: object): LogRecord => {
 *   const [key, bytes] = [Buffer.from('p1'), Buffer.from(JSON.stringify(value))]
 *   return { topic, partition: 0, offset, key, value: bytes, timestamp: 0, headers: [] }
 * }
 * await using operator = await openOperator(notify, { application: 'service-a', partition: 0 })
 * const step = await operator.process([
 *   record('product-activation', 0, { productId: 'p1' }),
 *   record('product-information', 0, { externalId: 'x1' }),
 * ])
 * const [output] = step.outputs
 * console.log(output?.topic, notifications.value.decode(output?.value as Uint8Array)) // notifications { productId: 'p1', externalId: 'x1' }
 * await step.commit()
 * ```
 */
export async function openOperator(pipeline: Pipeline, options: OperatorOptions): Promise<Operator> {
  checkNames(options)
  const { application, partition, stores = memoryStores(), clock = systemClock } = options
  const plan = planApplication(application, pipeline)
  if (plan.calls.length > 0) {
    const problem = `pipeline ${pipeline.name} makes calls, which need the transactions of a log: use run`
    throw new JoineryError('PIPELINE_INVALID', problem, { problems: [problem] })
  }
  const { watch = functionWatch({ clock }) } = options
  if (!(watch instanceof BlockedRecords)) throw new JoineryError('OPTION_INVALID', 'watch: use functionWatch()')
  const bounded = plan.tables.filter(({ maxBytes }) => maxBytes !== undefined)
  if (bounded.length > 0) {
    const problems = bounded.map(({ topic }) => `table ${topic} has maxBytes, which only run keeps: remove it`)
    throw new JoineryError('PIPELINE_INVALID', problems.join('; '), { problems })
  }
  const token = options.token ?? Math.floor(clock.now())
  const tables = plan.tables.map(({ topic }) => topic)
  const own = await OperatorStores.open(stores, { application, partition, token }, tables)
  const limitsOf = ({ partitions = NO_LIMIT, maxMessageBytes = NO_LIMIT }: TopicLimits = {}): OutputTopicInfo => ({
    partitions,
    maxMessageBytes,
  })
  const operator = new PipelineOperator(plan, own, {
    application,
    partition,
    clock,
    cache: options.cache ?? { bytes: '16MiB' },
    blocked: watch,
    outputs: new Map(plan.outputs.map((topic) => [topic, limitsOf(options.outputs?.[topic])])),
    changelog: { topic: `the changelog of ${application}`, ...limitsOf(options.changelog) },
  })
  try {
    await operator.load()
  } catch (error) {
    await own.close()
    throw error
  }
  return operator
}

function checkNames({ outputs = {}, changelog, ...options }: OperatorOptions): void {
  checkOptionNames('openOperator', options, OPERATOR_OPTIONS)
  for (const [topic, limits] of Object.entries(outputs)) checkOptionNames(`outputs.${topic}`, limits, TOPIC_LIMITS)
  checkOptionNames('changelog', changelog, { maxMessageBytes: true })
}
