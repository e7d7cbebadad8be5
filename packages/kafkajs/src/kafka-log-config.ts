import type { Duration, JoineryError, Size } from '@joinery/core'
import type { KafkaConfig } from 'kafkajs'

/** kafkajs' own configuration (brokers, ssl, sasl and all) and Joinery's. */
export interface KafkaLogConfig extends Omit<KafkaConfig, 'requestTimeout'> {
  /**
   * How long a broker may take to respond. Then the connection is closed, and requests are sent again on a new one; the
   * outcome of a commit without a response is unknown for so long.
   * @defaultValue `'30s'`
   */
  readonly requestTimeout?: Duration
  /** Replicas of changelogs. Default: 3, or as many as there are brokers. */
  readonly replicationFactor?: number
  /**
   * How long a member may send no heartbeat before its tasks go to others.
   * @defaultValue `'10s'`
   */
  readonly sessionTimeout?: Duration
  /**
   * How often members send heartbeats: at most a third of `sessionTimeout`.
   * @defaultValue `'500ms'`
   */
  readonly heartbeatInterval?: Duration
  /**
   * How batches are compressed that are written.
   * @defaultValue `'none'`
   */
  readonly compression?: 'none' | 'gzip'
  /**
   * What one compressed batch may decompress to; a larger one is an error.
   * @defaultValue `'64MiB'`
   */
  readonly maxDecompressedBytes?: Size
  /** Is called with each error after which something is retried, also while connecting. */
  readonly onRetry?: (error: JoineryError) => void
}
