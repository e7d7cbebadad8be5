import { type Clock, JoineryError } from '@joinery/core'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { BROKER_RESOURCE, DESCRIBE_CONFIGS } from '../protocol/describe-configs.js'
import { CODE, isCoordinatorMoved, isUnauthorized } from '../protocol/error-codes.js'
import {
  type CoordinatorType,
  FIND_COORDINATOR,
  findCoordinatorRequest,
  foundCoordinator,
} from '../protocol/find-coordinator.js'
import { METADATA } from '../protocol/metadata.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import type { OngoingRetries } from './ongoing-retries.js'
import { retry, settledWithin } from './retry.js'
import { topicMetadata, topicsRequest } from './topic-metadata.js'

const RETRY_MS = 100
const MAX_ATTEMPTS = 100
/** A coordinator that is moving or new is there within a second: until then, attempts that fail are not reported. */
const QUIET_ATTEMPTS = 10
/** After this many attempts the cluster may lack the brokers for the topic that a coordinator needs. */
const CHECK_SETUP_AFTER = 30

/** How long a broker may take to describe its settings: one that does not respond must not delay the next attempt. */
const DESCRIBE_MS = 1_000

/** The internal topic that holds the state of coordinators, and the setting for its replicas. */
interface StateTopic {
  readonly topic: string
  readonly setting: string
}

const STATE_TOPICS: Readonly<Record<CoordinatorType, StateTopic>> = {
  group: { topic: '__consumer_offsets', setting: 'offsets.topic.replication.factor' },
  transaction: { topic: '__transaction_state', setting: 'transaction.state.log.replication.factor' },
}

/** The part of a cluster that finding a coordinator needs. */
interface Cluster {
  readonly clock: Clock
  readonly closed: AbortSignal
  request<A extends Api>(node: number, channel: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>>
  requestAny<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>>
}

/**
 * Finds a coordinator. Brokers create the topic for its state on first use, which takes a while.
 *
 * @returns its node, once there is one
 * @throws JoineryError `LOG_FAILED`, not retriable, if the cluster has too few brokers for that topic
 */
export async function findCoordinator(
  cluster: Cluster,
  ongoing: OngoingRetries,
  type: CoordinatorType,
  key: string,
): Promise<number> {
  const request = findCoordinatorRequest(type, key)
  const what = `find the coordinator of ${type} ${key}`
  const attempt = async (count: number): Promise<number> => {
    const { errorCode, nodeId } = foundCoordinator(await cluster.requestAny(FIND_COORDINATOR, request))
    if (errorCode === CODE.NONE) return nodeId
    if (isUnauthorized(errorCode))
      throw notAuthorized('use', `${type === 'group' ? 'group' : 'transactional id'} ${key}`, errorCode)
    if (errorCode === CODE.COORDINATOR_NOT_AVAILABLE && count % CHECK_SETUP_AFTER === 0)
      await checkReplication(cluster, STATE_TOPICS[type])
    throw new ProtocolError(errorCode, `${FIND_COORDINATOR.name} of ${key}`)
  }
  return retry(attempt, {
    clock: cluster.clock,
    signal: cluster.closed,
    maxAttempts: MAX_ATTEMPTS,
    isRetriable: (error) => error instanceof ProtocolError && isCoordinatorMoved(error.code),
    delayMs: () => RETRY_MS,
    onRetry: (error, count) => count > QUIET_ATTEMPTS && ongoing.report(what, error),
  }).finally(() => ongoing.end(what))
}

/**
 * A topic that exists has its replicas: then its partition has no leader for the moment, and the number of brokers that are
 * up does not matter.
 *
 * @throws JoineryError if the topic does not exist, and the cluster has fewer brokers than its setting requires
 */
async function checkReplication(cluster: Cluster, { topic, setting }: StateTopic): Promise<void> {
  const metadata = await cluster.requestAny(METADATA, topicsRequest([topic]))
  const { brokers } = metadata
  const [state] = topicMetadata(metadata, [topic])
  const [broker] = brokers
  if (state?.code === CODE.NONE || broker === undefined) return
  const resource = {
    resourceType: BROKER_RESOURCE,
    resourceName: String(broker.nodeId),
    configurationKeys: [setting],
  }
  // without the right to describe the cluster, the coordinator's error remains
  let replicas = 0
  const describing = cluster
    .request(broker.nodeId, 'main', DESCRIBE_CONFIGS, { resources: [resource] })
    .then(({ results }) => {
      replicas = Number(results[0]?.configs.find(({ name }) => name === setting)?.value ?? 0)
    })
  await settledWithin(cluster.clock, DESCRIBE_MS, describing)
  if (replicas <= brokers.length) return
  const has = brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`
  throw new JoineryError(
    'LOG_FAILED',
    `the cluster has ${has}, but its ${setting} is ${replicas}, so that it has no coordinators: set it to ${brokers.length}, with the min.isr of that topic, or add brokers`,
  )
}
