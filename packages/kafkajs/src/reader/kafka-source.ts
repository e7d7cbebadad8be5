import { isJoineryError, JoineryError } from '@joinery/core'
import type { Batch, FetchedEnds, LogSource, ReadPosition, TopicInfo, TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { missingTopics } from '../connection/missing-topics.js'
import { partitionName } from '../connection/partition-name.js'
import { retry } from '../connection/retry.js'
import { lookUpTopics } from '../connection/topic-lookup.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { CODE, codeName, isLeaderMoved, isUnauthorized } from '../protocol/error-codes.js'
import { ISOLATION_LEVEL } from '../protocol/fetch.js'
import { OFFSET_SPEC } from '../protocol/list-offsets.js'
import { METADATA } from '../protocol/metadata.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import type { FetchLimits } from './fetch-limits.js'
import type { FetchListener } from './fetch-listener.js'
import { Fetcher } from './fetcher.js'
import { OffsetLookup } from './offset-lookup.js'
import { PartitionReader } from './partition-reader.js'
import { describeConfigs } from './topic-configs.js'

/** Limits of memory. */
export interface ReadLimits extends FetchLimits {
  /** Bytes fetched ahead of each partition's reader. */
  readonly prefetchBytes: number
  /** Bytes that one compressed batch may decompress to. */
  readonly maxDecompressedBytes: number
}

/** An output, as described. */
export type DescribedOutput = TopicInfo & Pick<TopicMetadata, 'lacksReplicas'>

/** Is notified of retries, and of outputs that were described. */
export interface SourceListener extends FetchListener {
  onDescribed?(output: DescribedOutput): void
}

const RETRY_MS = 100
const MAX_ATTEMPTS = 100
/** A leader that is moving is there within a second: until then, attempts that fail for that reason are not reported. */
const QUIET_ATTEMPTS = 10

/** Reads topics without a group, with fetches of Joinery. */
export class KafkaSource implements LogSource {
  readonly #cluster: KafkaCluster
  readonly #fetcher: Fetcher
  readonly #offsets: OffsetLookup
  readonly #limits: ReadLimits
  readonly #listener: SourceListener
  /** The latest reader of each partition. */
  readonly #readers = new Map<string, PartitionReader>()
  /** All readers that are in use. */
  readonly #reading = new Set<PartitionReader>()
  /** The error that ends every read. */
  #failure: JoineryError | undefined

  constructor(cluster: KafkaCluster, limits: ReadLimits, listener: SourceListener) {
    this.#cluster = cluster
    this.#limits = limits
    this.#listener = listener
    this.#offsets = new OffsetLookup(cluster)
    this.#fetcher = new Fetcher(cluster, limits, listener)
  }

  async describe(topics: readonly string[], outputs: readonly string[] = []): Promise<readonly TopicInfo[]> {
    if (topics.length === 0) return []
    const metadata = await lookUpTopics(this.#cluster, () => this.#metadataOf(topics))
    const configs = await describeConfigs(this.#cluster, topics)
    return metadata.map(({ topic, id, leaders, lacksReplicas }) => {
      const config = configs.get(topic) as NonNullable<ReturnType<typeof configs.get>>
      const info: TopicInfo = { topic, id, partitions: leaders.length, ...config }
      if (outputs.includes(topic)) this.#listener.onDescribed?.({ ...info, lacksReplicas })
      return info
    })
  }

  endOffset(at: TopicPartition, end: 'high-watermark' | 'last-stable-offset'): Promise<number> {
    const isolationLevel = end === 'high-watermark' ? ISOLATION_LEVEL.readUncommitted : ISOLATION_LEVEL.readCommitted
    return this.#listOffset(at, OFFSET_SPEC.latest, isolationLevel)
  }

  fetchedEnds(at: TopicPartition): FetchedEnds | undefined {
    return this.#readers.get(partitionName(at))?.ends
  }

  earliestOffset(at: TopicPartition): Promise<number> {
    return this.#listOffset(at, OFFSET_SPEC.earliest, ISOLATION_LEVEL.readUncommitted)
  }

  async *read(from: ReadPosition, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    if (signal.aborted) return
    const reader = new PartitionReader(from, this.#limits)
    if (this.#failure !== undefined) reader.fail(this.#failure)
    const stop = () => {
      this.#reading.delete(reader)
      this.#fetcher.remove(reader)
      if (this.#readers.get(reader.name) === reader) this.#readers.delete(reader.name)
    }
    this.#readers.set(reader.name, reader)
    this.#reading.add(reader)
    signal.addEventListener('abort', stop, { once: true })
    this.#fetcher.add(reader)
    try {
      for (
        let batch = await reader.next(this.#fetcher.wakeup);
        batch !== undefined;
        batch = await reader.next(this.#fetcher.wakeup)
      ) {
        yield batch
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  /** Bytes that were fetched ahead of the readers. */
  get prefetchedBytes(): number {
    return this.#fetcher.bytes
  }

  /** Ends all reads with an error, and those that begin later. */
  fail(error: JoineryError): void {
    this.#failure ??= error
    for (const reader of this.#reading) reader.fail(error)
  }

  close(): void {
    this.#fetcher.close()
  }

  /** @throws ProtocolError if a broker cannot describe one of them: it may not know a new topic yet */
  async #metadataOf(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const metadata = await this.#cluster.refresh(topics)
    for (const { topic, code } of metadata)
      if (isUnauthorized(code)) throw notAuthorized('describe', `topic ${topic}`, code, topic)
    const unknown = metadata.filter(({ code }) => code === CODE.UNKNOWN_TOPIC_OR_PARTITION)
    const missing = await missingTopics(
      this.#cluster,
      unknown.map(({ topic }) => topic),
    )
    if (missing.length > 0) throw topicsMissing(unknown.filter(({ topic }) => missing.includes(topic)))
    const failed = metadata.find(({ code }) => code !== CODE.NONE)
    if (failed !== undefined) throw new ProtocolError(failed.code, `${METADATA.name} of ${failed.topic}`, failed.topic)
    return metadata
  }

  async #listOffset(at: TopicPartition, timestamp: number, isolationLevel: number): Promise<number> {
    const { topic, partition } = at
    const what = `look up an offset of ${partitionName(at)}`
    try {
      return await retry(() => this.#offsets.lookUp({ topic, partition, timestamp, isolationLevel }), {
        clock: this.#cluster.clock,
        signal: this.#cluster.closed,
        maxAttempts: MAX_ATTEMPTS,
        isRetriable: (error) =>
          error instanceof ProtocolError ? isLeaderMoved(error.code) : isJoineryError(error) && error.retriable,
        delayMs: () => RETRY_MS,
        onRetry: (error, count) => {
          if (count > QUIET_ATTEMPTS || !(error instanceof ProtocolError))
            this.#listener.onRetry(what, offsetLookupError(error, at))
        },
        beforeRetry: () => this.#cluster.refresh([topic]).catch(() => {}), // the next attempt shows what is wrong
      })
    } catch (cause) {
      throw offsetLookupError(cause, at)
    } finally {
      this.#listener.onRetryEnd?.(what)
    }
  }
}

function topicsMissing(topics: readonly TopicMetadata[]): JoineryError {
  const [{ topic } = { topic: '' }] = topics
  const names = topics.map((each) => `${each.topic} (${codeName(each.code)})`).join(', ')
  const [what, them] = topics.length === 1 ? ['topic', 'it'] : ['topics', 'them']
  const verb = topics.length === 1 ? 'does' : 'do'
  const message = `${what} ${names} ${verb} not exist: create ${them}, Joinery creates only its own changelog`
  return new JoineryError('TOPIC_MISSING', message, { topic })
}

function offsetLookupError(cause: unknown, { topic, partition }: TopicPartition): JoineryError {
  if (isJoineryError(cause) && !cause.retriable) return cause
  if (cause instanceof ProtocolError && isUnauthorized(cause.code))
    return notAuthorized('describe', `topic ${topic}`, cause.code, topic)
  const message = `could not fetch the offsets of ${topic}[${partition}]: ${String(cause)}`
  return new JoineryError('LOG_FAILED', message, { cause, topic, partition, retriable: true })
}
