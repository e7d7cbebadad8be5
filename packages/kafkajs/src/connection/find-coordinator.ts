import { type Clock, isJoineryError, JoineryError } from '@joinery/core'
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
/** How long a coordinator is looked for. */
const LIMIT_MS = 10_000
/** A coordinator that is moving or new is there within a second: until then, attempts that fail are not reported. */
const QUIET_ATTEMPTS = 10
/** How many attempts there are between two checks whether the cluster has the brokers that a coordinator needs. */
const CHECK_EVERY = 30
/** How long a cluster may have too few brokers: one that is starting as a whole has more soon. */
const STARTING_MS = 30_000

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
 * Finds a coordinator. Brokers create the topic for its state on first use, which takes a while. If the cluster has too few
 * brokers for that topic, this is reported after a second, and fails unless more brokers start.
 *
 * @returns its node, once there is one
 * @throws JoineryError `LOG_FAILED`, not retriable, if the cluster has had too few brokers for half a minute
 */
export async function findCoordinator(
  cluster: Cluster,
  ongoing: OngoingRetries,
  type: CoordinatorType,
  key: string,
): Promise<number> {
  const { clock, closed } = cluster
  const request = findCoordinatorRequest(type, key)
  const what = `find the coordinator of ${type} ${key}`
  let until = clock.monotonic() + LIMIT_MS
  let shortage: JoineryError | undefined
  let since = 0
  const hasLasted = (): boolean => shortage !== undefined && clock.monotonic() - since >= STARTING_MS
  const check = async (): Promise<void> => {
    const message = await shortageOf(cluster, STATE_TOPICS[type])
    if (shortage === undefined) since = clock.monotonic()
    shortage = message === undefined ? undefined : new JoineryError('LOG_FAILED', message, { retriable: !hasLasted() })
  }
  const attempt = async (count: number): Promise<number> => {
    const { errorCode, nodeId } = foundCoordinator(await cluster.requestAny(FIND_COORDINATOR, request))
    if (errorCode === CODE.NONE) return nodeId
    if (isUnauthorized(errorCode))
      throw notAuthorized('use', `${type === 'group' ? 'group' : 'transactional id'} ${key}`, errorCode)
    if (errorCode !== CODE.COORDINATOR_NOT_AVAILABLE) shortage = undefined
    else if (count % CHECK_EVERY === QUIET_ATTEMPTS + 1 || hasLasted()) await check()
    if (shortage === undefined) throw new ProtocolError(errorCode, `${FIND_COORDINATOR.name} of ${key}`)
    until = clock.monotonic() + LIMIT_MS
    throw shortage
  }
  return retry(attempt, {
    clock,
    signal: closed,
    maxAttempts: Number.POSITIVE_INFINITY,
    isRetriable: (error) =>
      error === shortage
        ? isJoineryError(error) && error.retriable
        : error instanceof ProtocolError && isCoordinatorMoved(error.code) && clock.monotonic() < until,
    delayMs: () => RETRY_MS,
    onRetry: (error, count) => count > QUIET_ATTEMPTS && ongoing.report(what, error),
  }).finally(() => ongoing.end(what))
}

/**
 * A topic that exists has its replicas: then its partition has no leader for the moment, and the number of brokers that are
 * up does not matter.
 *
 * @returns what is wrong, if the topic does not exist and the cluster has fewer brokers than its setting requires
 */
async function shortageOf(cluster: Cluster, { topic, setting }: StateTopic): Promise<string | undefined> {
  const metadata = await cluster.requestAny(METADATA, topicsRequest([topic]))
  const { brokers } = metadata
  const [state] = topicMetadata(metadata, [topic])
  const [broker] = brokers
  if (state?.code === CODE.NONE || broker === undefined) return undefined
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
  if (replicas <= brokers.length) return undefined
  const has = brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`
  return `the cluster has ${has}, but its ${setting} is ${replicas}, so that it has no coordinators: start or add brokers, or set it to ${brokers.length}, with the min.isr of that topic`
}
