import type { Duration, JoineryError, Size } from '@joinery/core'
import type { KafkaConfig } from 'kafkajs'

/** kafkajs' configuration (brokers, ssl, sasl and so on) and Joinery's options. */
export interface KafkaLogConfig extends Omit<KafkaConfig, 'requestTimeout'> {
  /**
   * How long a broker may take to respond. After that the connection is closed, and its requests are sent again on a new
   * one. The outcome of a commit that gets no response stays unknown for this long.
   * @defaultValue `'10s'`
   */
  readonly requestTimeout?: Duration
  /** The topics that Joinery creates: changelogs, and reports of calls. */
  readonly changelog?: {
    /** Default: 3, or as many as there are brokers. */
    readonly replicationFactor?: number
    /** Settings of changelogs by Kafka's names, in addition to Joinery's or instead of them. */
    readonly config?: Readonly<Record<string, string | number>>
  }
  /** The rack of this process. Brokers let it fetch from a replica in the same rack, if they are configured for it (KIP-392). */
  readonly rack?: string
  /**
   * How long a member may send no heartbeat before its tasks are assigned to other members.
   * @defaultValue `'10s'`
   */
  readonly sessionTimeout?: Duration
  /**
   * How often members send heartbeats: at most a third of `sessionTimeout`.
   * @defaultValue `'500ms'`
   */
  readonly heartbeatInterval?: Duration
  /**
   * The compression of the batches that are written.
   * @defaultValue `'none'`
   */
  readonly compression?: 'none' | 'gzip'
  /**
   * The maximum size of a compressed batch after decompression. A larger one fails with `RECORDS_CORRUPT`.
   * @defaultValue `'64MiB'`
   */
  readonly maxDecompressedBytes?: Size
  /**
   * Is called with each error that is followed by a retry, including errors of connecting. It must not throw: an error stops
   * the applications on this log (`FUNCTION_THREW`).
   */
  readonly onRetry?: (error: JoineryError) => void
  /**
   * Is called once for each thing that is not as it should be, and works: settings of a changelog that the cluster refuses
   * (`LOG_FAILED`), a topic that was created with fewer than three replicas for lack of brokers, or one that is written to and
   * has a single replica, although the cluster has several brokers (`TOPIC_UNSUITABLE`). It must not throw, either.
   */
  readonly onNotice?: (notice: JoineryError) => void
}
