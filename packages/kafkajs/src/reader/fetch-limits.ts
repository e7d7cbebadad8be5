/** Limits of the bytes that are fetched. */
export interface FetchLimits {
  /** Bytes requested of all partitions in one response. */
  readonly maxBytes: number
  /** Bytes requested of one partition. */
  readonly maxPartitionBytes: number
  /** The rack of this process; empty for none. */
  readonly rack: string
  /** Once this many bytes are held, only partitions without prefetched records are fetched; default 64 MiB. */
  readonly totalBytes?: number
}
