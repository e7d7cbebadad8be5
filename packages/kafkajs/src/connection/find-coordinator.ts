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
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import type { OngoingRetries } from './ongoing-retries.js'
import { retry } from './retry.js'

const RETRY_MS = 100
const MAX_ATTEMPTS = 100
/** A coordinator that is moving or new is there within a second: until then, attempts that fail are not reported. */
const QUIET_ATTEMPTS = 10
/** After this many attempts the cluster may lack the brokers for the topic that a coordinator needs. */
const CHECK_SETUP_AFTER = 30

/** The internal topic that holds the state of coordinators, by its setting. */
const REPLICATION_FACTOR: Readonly<Record<CoordinatorType, string>> = {
  group: 'offsets.topic.replication.factor',
  transaction: 'transaction.state.log.replication.factor',
}

/** The part of a cluster that finding a coordinator needs. */
interface Cluster {
  readonly clock: Clock
  readonly closed: AbortSignal
  readonly brokers: readonly number[]
  request<A extends Api>(node: number, channel: string, api: A, request: RequestOf<A>): Promise<ResponseOf<A>>
  requestAny<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>>
  refresh(topics: readonly string[]): Promise<unknown>
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
      await checkReplication(cluster, REPLICATION_FACTOR[type])
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

/** @throws JoineryError if the cluster has fewer brokers than a setting requires */
async function checkReplication(cluster: Cluster, setting: string): Promise<void> {
  await cluster.refresh([])
  const { brokers } = cluster
  const node = brokers[0] as number
  const resource = { resourceType: BROKER_RESOURCE, resourceName: String(node), configurationKeys: [setting] }
  // without the right to describe the cluster, the coordinator's error remains
  const response = await cluster
    .request(node, 'main', DESCRIBE_CONFIGS, { resources: [resource] })
    .catch(() => undefined)
  const replicas = Number(response?.results[0]?.configs.find(({ name }) => name === setting)?.value ?? 0)
  if (replicas <= brokers.length) return
  const has = brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`
  throw new JoineryError(
    'LOG_FAILED',
    `the cluster has ${has}, but its ${setting} is ${replicas}, so that it has no coordinators: set it to ${brokers.length}, with the min.isr of that topic, or add brokers`,
  )
}
