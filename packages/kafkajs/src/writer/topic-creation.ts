import { isJoineryError, JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { OngoingRetries } from '../connection/ongoing-retries.js'
import { retry } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import type { ResponseOf } from '../protocol/api.js'
import { CREATE_TOPICS } from '../protocol/create-topics.js'
import { CODE, codeName, isUnauthorized } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'

/** Settings of a topic, by Kafka's names. */
export type TopicSettings = Readonly<Record<string, string | number>>

/** A topic to create. */
export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  /** Default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  /** Settings that correctness needs: they are always given. */
  readonly config: TopicSettings
  /** Settings that are left out where the cluster refuses them, the last group first. */
  readonly optional: readonly TopicSettings[]
}

const RETRY_MS = 100
/** A broker that forwards to a controller that is gone finds the new one after half a minute, by Kafka's defaults. */
const CREATION_LIMIT_MS = 60_000
const LEADER_ATTEMPTS = 300
const MAX_REPLICAS = 3
/** How long the controller may take: less than a request may, so that its response is not lost. */
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
  /** What is not as it should be, and works: settings were left out. */
  readonly onNotice: (notice: JoineryError) => void
  /** Receives the failures after which the creation is retried. */
  readonly retries: Pick<OngoingRetries, 'report' | 'end'>
}

/**
 * Creates a topic, and waits until all its partitions have leaders. Another instance may create it at the same time.
 *
 * @throws JoineryError with the words of the broker
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
      await create(cluster, topic, Object.assign({}, config, ...optional.slice(0, groups)), retries)
      if (refusal !== undefined) onNotice(settingsLeftOut(topic.topic, optional.slice(groups), refusal))
      break
    } catch (error) {
      if (!(error instanceof CreationError) || !SETTINGS_REFUSED.has(error.code) || groups === 0)
        throw errorOf(topic, error)
      refusal = error
    }
  }
  await leadersElected(cluster, topic.topic)
}

/** The controller has not created a topic. */
class CreationError extends ProtocolError {
  /** The words of the broker; empty if it gave none. */
  readonly reason: string

  constructor(code: number, topic: string, reason: string | null) {
    super(code, `${CREATE_TOPICS.name} of ${topic}`, topic)
    this.reason = reason ?? ''
  }
}

async function create(
  cluster: KafkaCluster,
  { topic, partitions, replicationFactor }: NewTopic,
  settings: TopicSettings,
  retries: CreationListener['retries'],
): Promise<void> {
  const { clock } = cluster
  const until = clock.monotonic() + CREATION_LIMIT_MS
  const what = `create topic ${topic}`
  const attempt = async (): Promise<void> => {
    await cluster.refresh([]) // the controller may have moved, and brokers may have come
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value: String(value) }))
    const response = await cluster.requestController(CREATE_TOPICS, {
      topics: [
        {
          name: topic,
          numPartitions: partitions,
          replicationFactor: replicationFactor ?? Math.min(MAX_REPLICAS, cluster.brokers.length),
          assignments: [],
          configs,
        },
      ],
      timeoutMs: TIMEOUT_MS,
    })
    check(topic, response)
  }
  await retry(attempt, {
    clock,
    signal: cluster.closed,
    maxAttempts: Number.POSITIVE_INFINITY,
    // after a lost response the topic may exist already, which is as good
    isRetriable: (error) =>
      clock.monotonic() < until &&
      (error instanceof CreationError ? TEMPORARY.has(error.code) : isJoineryError(error) && error.retriable),
    delayMs: () => RETRY_MS,
    onRetry: (error) => retries.report(what, error),
  }).finally(() => retries.end(what))
}

/** @throws CreationError unless the topic exists now */
function check(topic: string, { topics }: ResponseOf<typeof CREATE_TOPICS>): void {
  const { errorCode = CODE.UNKNOWN_SERVER_ERROR, errorMessage = null } = topics.find(({ name }) => name === topic) ?? {}
  if (errorCode === CODE.NONE || errorCode === CODE.TOPIC_ALREADY_EXISTS) return
  throw new CreationError(errorCode, topic, errorMessage)
}

async function leadersElected(cluster: KafkaCluster, topic: string): Promise<void> {
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
  })
}

function errorOf({ topic, config }: NewTopic, cause: unknown): unknown {
  if (!(cause instanceof CreationError)) return cause
  const { code } = cause
  const why = reasonOf(cause)
  if (isUnauthorized(code)) {
    const message = `this user is not allowed to create topic ${topic} (${why}): add the ACL Create on it, or create it yourself`
    return new JoineryError('NOT_AUTHORIZED', message, { cause, topic })
  }
  const remedy = SETTINGS_REFUSED.has(code) ? `: create it yourself, with at least ${text(config)}` : ''
  return new JoineryError('LOG_FAILED', `cannot create topic ${topic} (${why})${remedy}`, {
    cause,
    topic,
    retriable: TEMPORARY.has(code),
  })
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
