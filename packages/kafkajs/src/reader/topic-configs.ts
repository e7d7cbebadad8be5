import { JoineryError } from '@joinery/core'
import type { TopicInfo } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { CODE, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'

/** What matters of a topic's configuration. */
export interface TopicConfig extends Pick<TopicInfo, 'cleanup' | 'deleteRetentionMs' | 'maxMessageBytes'> {
  readonly timestampType: string
}

const DESCRIBE_CONFIGS = { api: 32, version: 2 } as const
const TOPIC = 2
const NAMES = ['cleanup.policy', 'delete.retention.ms', 'max.message.bytes', 'message.timestamp.type']

/** Reads the configuration of topics, by name. */
export async function describeConfigs(
  cluster: KafkaCluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicConfig>> {
  const body = new RequestWriter()
  body.array(topics, (topic) => {
    body.int8(TOPIC).string(topic)
    body.array(NAMES, (name) => body.string(name))
  })
  body.int8(0)
  const response = await cluster.requestAny({ ...DESCRIBE_CONFIGS, parts: [body.take()] })
  response.int32()
  const found = response.array(() => {
    const code = response.int16()
    response.string()
    response.int8()
    const topic = response.string() ?? ''
    const values = new Map<string, string>()
    response.array(() => {
      const name = response.string() ?? ''
      values.set(name, response.string() ?? '')
      response.skip(3) // read only, source, sensitive
      response.array(() => {
        response.string()
        response.string()
        response.int8()
      })
    })
    if (isUnauthorized(code)) throw notAuthorized('describe the configuration of', `topic ${topic}`, code, topic)
    if (code !== CODE.NONE) throw new ProtocolError(code, `DescribeConfigs of ${topic}`)
    return [topic, toConfig(topic, values)] as const
  })
  return new Map(found)
}

function toConfig(topic: string, values: ReadonlyMap<string, string>): TopicConfig {
  const number = (name: string): number => {
    const value = Number(values.get(name))
    if (!Number.isFinite(value))
      throw new JoineryError('LOG_FAILED', `the brokers do not say what ${name} of ${topic} is`, { topic })
    return value
  }
  const policies = (values.get('cleanup.policy') ?? '').split(',').map((policy) => policy.trim())
  const compacts = policies.includes('compact')
  return {
    cleanup: compacts ? (policies.includes('delete') ? 'compact,delete' : 'compact') : 'delete',
    deleteRetentionMs: number('delete.retention.ms'),
    maxMessageBytes: number('max.message.bytes'),
    timestampType: values.get('message.timestamp.type') ?? '',
  }
}
