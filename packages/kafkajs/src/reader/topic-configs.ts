import { JoineryError } from '@joinery/core'
import type { TopicInfo } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { lookUpTopics } from '../connection/topic-lookup.js'
import { DESCRIBE_CONFIGS, TOPIC_RESOURCE } from '../protocol/describe-configs.js'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'

/** The part of a topic's configuration that Joinery uses. */
export interface TopicConfig
  extends Pick<TopicInfo, 'cleanup' | 'deleteRetentionMs' | 'maxMessageBytes' | 'retentionMs'> {
  readonly timestampType: string
  readonly compressionType: string
}

/** `retention.ms` of a topic that keeps its records. */
const FOREVER = -1
const NAMES = [
  'cleanup.policy',
  'delete.retention.ms',
  'max.message.bytes',
  'retention.ms',
  'message.timestamp.type',
  'compression.type',
]

/**
 * @returns the configuration of all topics, by name
 * @throws JoineryError `NOT_AUTHORIZED`; `LOG_FAILED`, retriable, if the brokers cannot describe them for five seconds
 */
export function describeConfigs(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicConfig>> {
  return lookUpTopics(cluster, () => describeOnce(cluster, topics))
}

/** @throws ProtocolError if a broker cannot describe one of them: it may not know a new topic yet */
async function describeOnce(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicConfig>> {
  const { results } = await cluster.requestAny(DESCRIBE_CONFIGS, {
    resources: topics.map((resourceName) => ({ resourceType: TOPIC_RESOURCE, resourceName, configurationKeys: NAMES })),
  })
  return new Map(
    topics.map((topic) => {
      const { errorCode = CODE.UNKNOWN_SERVER_ERROR, configs = [] } =
        results.find(({ resourceName }) => resourceName === topic) ?? {}
      if (isUnauthorized(errorCode))
        throw notAuthorized('describe the configuration of', `topic ${topic}`, errorCode, topic)
      if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${DESCRIBE_CONFIGS.name} of ${topic}`, topic)
      return [topic, toConfig(topic, new Map(configs.map(({ name, value }) => [name, value ?? ''])))]
    }),
  )
}

function toConfig(topic: string, values: ReadonlyMap<string, string>): TopicConfig {
  const number = (name: string): number => {
    const value = Number(values.get(name))
    if (!Number.isFinite(value))
      throw new JoineryError('LOG_FAILED', `the brokers did not return ${name} of topic ${topic}`, { topic })
    return value
  }
  const policies = (values.get('cleanup.policy') ?? '').split(',').map((policy) => policy.trim())
  const compacts = policies.includes('compact')
  const retentionMs = Number(values.get('retention.ms') || FOREVER)
  return {
    cleanup: compacts ? (policies.includes('delete') ? 'compact,delete' : 'compact') : 'delete',
    deleteRetentionMs: number('delete.retention.ms'),
    maxMessageBytes: number('max.message.bytes'),
    ...(policies.includes('delete') && retentionMs > FOREVER && { retentionMs }),
    timestampType: values.get('message.timestamp.type') ?? '',
    compressionType: values.get('compression.type') ?? '',
  }
}
