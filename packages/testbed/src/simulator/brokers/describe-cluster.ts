import type { Api } from '../../../../kafkajs/src/protocol/api.js'
import { API_VERSIONS } from '../../../../kafkajs/src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../../../kafkajs/src/protocol/create-topics.js'
import { DESCRIBE_CONFIGS } from '../../../../kafkajs/src/protocol/describe-configs.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { FIND_COORDINATOR } from '../../../../kafkajs/src/protocol/find-coordinator.js'
import { METADATA } from '../../../../kafkajs/src/protocol/metadata.js'
import { type Handler, on } from './handler.js'

const NO_TOPIC = '00000000000000000000000000000000'

const apiVersions: Handler<typeof API_VERSIONS> = ({ cluster, broker }) => {
  const level = cluster.transactions.version
  // Kafka 2.8 has no features
  const finalizedFeatures =
    broker.release === '2.8' ? [] : [{ name: 'transaction.version', maxVersionLevel: level, minVersionLevel: level }]
  return { errorCode: CODE.NONE, apiKeys: broker.apis, finalizedFeatures }
}

const metadata: Handler<typeof METADATA> = ({ cluster, broker: { node } }, { topics }) => {
  const view = cluster.viewOf(node)
  return {
    brokers: view.listed.map((nodeId) => {
      const { host, port } = cluster.broker(nodeId)
      return { nodeId, host, port }
    }),
    controllerId: view.listed[0] as number,
    topics: (topics ?? []).map(({ name }) => {
      const info = cluster.info(name ?? '')
      if (info === undefined)
        return { errorCode: CODE.UNKNOWN_TOPIC_OR_PARTITION, name, topicId: NO_TOPIC, partitions: [] }
      const isLeaderless = (index: number) => cluster.leaderless.has(cluster.partition(info.topic, index))
      const partitions = Array.from({ length: info.partitions }, (_, partitionIndex) => ({
        errorCode: isLeaderless(partitionIndex) ? CODE.LEADER_NOT_AVAILABLE : CODE.NONE,
        partitionIndex,
        leaderEpoch: view.epoch,
        leaderId: isLeaderless(partitionIndex) ? -1 : view.leaderOf(info.topic, partitionIndex),
        replicaNodes: [],
        isrNodes: [],
        offlineReplicas: [],
      }))
      return { errorCode: CODE.NONE, name, topicId: info.id, partitions }
    }),
    errorCode: CODE.NONE,
  }
}

const findCoordinator: Handler<typeof FIND_COORDINATOR> = ({ cluster, broker: { node } }, request) => {
  const { key, coordinatorKeys } = request
  const found = (id: string) => {
    const nodeId = cluster.viewOf(node).coordinatorOf(id)
    const { host, port } = cluster.broker(nodeId)
    return { key: id, nodeId, host, port, errorCode: CODE.NONE, errorMessage: null }
  }
  return { ...found(key), coordinators: coordinatorKeys.map(found) }
}

const describeConfigs: Handler<typeof DESCRIBE_CONFIGS> = ({ cluster }, { resources }) => ({
  results: resources.map(({ resourceType, resourceName }) => {
    const info = cluster.info(resourceName)
    const result = { errorMessage: null, resourceType, resourceName }
    if (info === undefined) return { ...result, errorCode: CODE.UNKNOWN_TOPIC_OR_PARTITION, configs: [] }
    const { isAppendTime } = cluster.partition(resourceName, 0)
    const configs = {
      'cleanup.policy': info.cleanup,
      'delete.retention.ms': info.deleteRetentionMs,
      'max.message.bytes': info.maxMessageBytes,
      'message.timestamp.type': isAppendTime ? 'LogAppendTime' : 'CreateTime',
      'compression.type': 'producer',
    }
    return {
      ...result,
      errorCode: CODE.NONE,
      configs: Object.entries(configs).map(([name, value]) => ({
        name,
        value: String(value),
        readOnly: false,
        isSensitive: false,
        synonyms: [],
      })),
    }
  }),
})

const createTopics: Handler<typeof CREATE_TOPICS> = ({ cluster }, { topics }) => ({
  topics: topics.map(({ name, numPartitions: partitions, configs }) => {
    const result = { name, errorMessage: null, configs: [] }
    if (cluster.info(name) !== undefined) return { ...result, errorCode: CODE.TOPIC_ALREADY_EXISTS }
    const values = new Map(configs.map((config) => [config.name, config.value]))
    const { id } = cluster.create(name, {
      partitions,
      cleanup: values.get('cleanup.policy') === 'compact' ? 'compact' : 'delete',
      maxMessageBytes: Number(values.get('max.message.bytes')),
      isAppendTime: values.get('message.timestamp.type') === 'LogAppendTime',
    })
    return { ...result, errorCode: CODE.NONE, topicId: id }
  }),
})

/** APIs about the cluster and its topics. */
export const CLUSTER_HANDLERS: readonly (readonly [key: number, handler: Handler<Api>])[] = [
  on(API_VERSIONS, apiVersions),
  on(METADATA, metadata),
  on(FIND_COORDINATOR, findCoordinator),
  on(DESCRIBE_CONFIGS, describeConfigs),
  on(CREATE_TOPICS, createTopics),
]
