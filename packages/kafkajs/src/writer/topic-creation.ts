import { isJoineryError, JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { OngoingRetries } from '../connection/ongoing-retries.js'
import { retry } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { CREATE_TOPICS } from '../protocol/create-topics.js'
import { CODE, codeName, isUnauthorized } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'

/** Settings of a topic, by Kafka's names. */
export type TopicSettings = Readonly<Record<string, string | number>>

/** A topic to create. */
export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  /** Default: 3, or as many as there are brokers if they are fewer. */
  readonly replicationFactor: number | undefined
  /** Settings that correctness depends on: they are always sent. */
  readonly config: TopicSettings
  /** Settings that are left out if the cluster refuses them, the last group first. */
  readonly optional: readonly TopicSettings[]
}

const RETRY_MS = 100
/** By Kafka's defaults, a broker that forwards to a controller that is down finds the new controller after half a minute. */
const CREATION_LIMIT_MS = 60_000
/** How long to wait for more brokers, if there are fewer than the replicas that were configured. */
const BROKERS_LIMIT_MS = 30_000
const LEADER_ATTEMPTS = 300
const DEFAULT_REPLICAS = 3
/** A new topic usually has its leaders within a second, so failures are reported only after that. */
const QUIET_ATTEMPTS = 10
/** How long the controller may take: less than the request timeout, so that its response is not lost. */
const TIMEOUT_MS = 5_000
const SETTINGS_REFUSED = new Set<number>([CODE.POLICY_VIOLATION, CODE.INVALID_CONFIG])
const TEMPORARY = new Set<number>([
  CODE.NOT_CONTROLLER,
  CODE.REQUEST_TIMED_OUT,
  CODE.LEADER_NOT_AVAILABLE,
  CODE.THROTTLING_QUOTA_EXCEEDED, // the connection waits for as long as the response says
])

/** Receives what happens while a topic is created. */
export interface CreationListener {
  /** Receives what does not prevent operation: settings were left out, or there were too few brokers for three replicas. */
  readonly onNotice: (notice: JoineryError) => void
  /** Receives the failures after which the creation is retried. */
  readonly retries: Pick<OngoingRetries, 'report' | 'end'>
}

/**
 * Creates a topic, and waits until all its partitions have leaders. Another instance may create it at the same time.
 *
 * @throws JoineryError with the message of the broker
 */
export async function createTopic(
  cluster: KafkaCluster,
  topic: NewTopic,
  { onNotice, retries }: CreationListener,
): Promise<void> {
  const { config, optional } = topic
  let refusal: CreationError | undefined
  for (let groups = optional.length; ; groups--) {
    try {
      const settings = Object.assign({}, config, ...optional.slice(0, groups))
      const replicas = await create(cluster, topic, settings, retries)
      if (topic.replicationFactor === undefined && replicas < DEFAULT_REPLICAS)
        onNotice(fewReplicas(topic.topic, replicas))
      if (refusal !== undefined) onNotice(settingsLeftOut(topic.topic, optional.slice(groups), refusal))
      break
    } catch (error) {
      if (!(error instanceof CreationError) || !SETTINGS_REFUSED.has(error.code) || groups === 0)
        throw errorOf(topic, error)
      refusal = error
    }
  }
  await leadersElected(cluster, topic.topic, retries)
}

/** The controller has not created a topic. */
class CreationError extends ProtocolError {
  /** The message of the broker; empty if it returned none. */
  readonly reason: string

  constructor(code: number, topic: string, reason: string | null) {
    super(code, `${CREATE_TOPICS.name} of ${topic}`, topic)
    this.reason = reason ?? ''
  }
}

/** @returns the number of replicas; infinite if the topic exists already */
async function create(
  cluster: KafkaCluster,
  created: NewTopic,
  settings: TopicSettings,
  retries: CreationListener['retries'],
): Promise<number> {
  const { clock } = cluster
  const { topic, partitions, replicationFactor } = created
  const startedAt = clock.monotonic()
  const what = `create topic ${topic}`
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value: String(value) }))
  const request = async (replicas: number): Promise<number> => {
    const response = await cluster.requestController(CREATE_TOPICS, {
      topics: [{ name: topic, numPartitions: partitions, replicationFactor: replicas, assignments: [], configs }],
      timeoutMs: TIMEOUT_MS,
    })
    const { errorCode = CODE.UNKNOWN_SERVER_ERROR, errorMessage = null } =
      response.topics.find(({ name }) => name === topic) ?? {}
    if (errorCode === CODE.NONE) return replicas
    if (errorCode === CODE.TOPIC_ALREADY_EXISTS) return Number.POSITIVE_INFINITY
    throw new CreationError(errorCode, topic, errorMessage)
  }
  const attempt = async (): Promise<number> => {
    await cluster.refresh([]) // the controller may have moved, and brokers may have started
    let replicas = replicationFactor ?? DEFAULT_REPLICAS
    for (;;) {
      try {
        return await request(replicas)
      } catch (error) {
        // only the controller knows the number: metadata leaves out brokers that are temporarily down
        const isTooMany = error instanceof CreationError && error.code === CODE.INVALID_REPLICATION_FACTOR
        if (!isTooMany || replicationFactor !== undefined || replicas === 1) throw error
        replicas = Math.max(1, Math.min(replicas - 1, cluster.brokers.length))
      }
    }
  }
  const limitMs = (error: CreationError): number =>
    error.code === CODE.INVALID_REPLICATION_FACTOR
      ? BROKERS_LIMIT_MS
      : TEMPORARY.has(error.code)
        ? CREATION_LIMIT_MS
        : 0
  return retry(attempt, {
    clock,
    signal: cluster.closed,
    maxAttempts: Number.POSITIVE_INFINITY,
    // after a lost response the topic may exist already, which counts as success
    isRetriable: (error) => {
      const ms = clock.monotonic() - startedAt
      if (error instanceof CreationError) return ms < limitMs(error)
      return ms < CREATION_LIMIT_MS && isJoineryError(error) && error.retriable
    },
    delayMs: () => RETRY_MS,
    onRetry: (error) => retries.report(what, errorOf(created, error)),
  }).finally(() => retries.end(what))
}

async function leadersElected(
  cluster: KafkaCluster,
  topic: string,
  retries: CreationListener['retries'],
): Promise<void> {
  const what = `elect leaders of topic ${topic}`
  const noLeaders = new JoineryError('LOG_FAILED', `topic ${topic} was created, but has no leaders yet`, {
    topic,
    retriable: true,
  })
  const attempt = async () => {
    const [{ code, leaders }] = (await cluster.refresh([topic])) as [TopicMetadata]
    if (code !== CODE.NONE || leaders.some((leader) => leader < 0)) throw noLeaders
  }
  await retry(attempt, {
    clock: cluster.clock,
    signal: cluster.closed,
    maxAttempts: LEADER_ATTEMPTS,
    isRetriable: (error) => error === noLeaders,
    delayMs: () => RETRY_MS,
    onRetry: (error, count) => count > QUIET_ATTEMPTS && retries.report(what, error),
  }).finally(() => retries.end(what))
}

function errorOf({ topic, config }: NewTopic, cause: unknown): unknown {
  if (!(cause instanceof CreationError)) return cause
  const { code } = cause
  const why = reasonOf(cause)
  if (isUnauthorized(code)) {
    const message = `this user is not allowed to create topic ${topic} (${why}): add the ACL Create on it, or create it yourself`
    return new JoineryError('NOT_AUTHORIZED', message, { cause, topic })
  }
  return new JoineryError('LOG_FAILED', `cannot create topic ${topic} (${why})${remedyOf(code, config)}`, {
    cause,
    topic,
    retriable: TEMPORARY.has(code) || code === CODE.INVALID_REPLICATION_FACTOR,
  })
}

/** @returns what to change, if that is known */
function remedyOf(code: number, config: TopicSettings): string {
  if (SETTINGS_REFUSED.has(code)) return `: create it yourself, with at least ${text(config)}`
  // the name is too long, or differs from that of another topic only in dots and underscores
  if (code === CODE.INVALID_TOPIC_EXCEPTION) return ': choose another application name'
  if (code === CODE.INVALID_REPLICATION_FACTOR) return ': start or add brokers, or lower changelog.replicationFactor'
  return ''
}

function fewReplicas(topic: string, count: number): JoineryError {
  const [replicas, brokers] = count === 1 ? ['1 replica', 'broker'] : [`${count} replicas`, 'brokers']
  const message = `topic ${topic} was created with ${replicas} only, because the cluster had no more ${brokers}: if it has more now, add replicas with kafka-reassign-partitions.sh`
  return new JoineryError('TOPIC_UNSUITABLE', message, { topic })
}

function settingsLeftOut(topic: string, groups: readonly TopicSettings[], refusal: CreationError): JoineryError {
  const names = groups.flatMap((settings) => Object.keys(settings)).join(', ')
  const message = `topic ${topic} was created without ${names}, which the cluster refused (${reasonOf(refusal)}): set them yourself if you can`
  return new JoineryError('LOG_FAILED', message, { topic, retriable: true })
}

const reasonOf = ({ code, reason }: CreationError): string =>
  reason === '' ? codeName(code) : `${codeName(code)}: ${reason}`

const text = (settings: TopicSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
