import type { JoineryError } from '@joinery/core'
import type { KafkaConfig } from 'kafkajs'

/** kafkajs' own configuration (brokers, ssl, sasl and all) and Joinery's. */
export interface KafkaLogConfig extends KafkaConfig {
  /**
   * How long a broker may take to respond, in milliseconds. Then the connection is closed, and requests are sent again on
   * a new one; the outcome of a commit without a response is unknown for so long.
   * @defaultValue `30_000`
   */
  readonly requestTimeout?: number
  /** Replicas of changelogs. Default: 3, or as many as there are brokers. */
  readonly replicationFactor?: number
  /**
   * How long a member may send no heartbeat before its tasks go to others, in milliseconds.
   * @defaultValue `10_000`
   */
  readonly sessionTimeoutMs?: number
  /**
   * How often members send heartbeats, in milliseconds.
   * @defaultValue `500`
   */
  readonly heartbeatMs?: number
  /**
   * How batches are compressed that are written.
   * @defaultValue `'none'`
   */
  readonly compression?: 'none' | 'gzip'
  /**
   * What one compressed batch may decompress to, in bytes; a larger one is an error.
   * @defaultValue `67_108_864`
   */
  readonly maxDecompressedBytes?: number
  /** Is called with each error after which something is retried, also while connecting. */
  readonly onRetry?: (error: JoineryError) => void
}
