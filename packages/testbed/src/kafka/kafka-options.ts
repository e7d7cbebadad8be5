/** How a broker is started. */
export interface KafkaOptions {
  readonly port?: number
  /** The JVM's heap, such as `'512m'`. */
  readonly heap?: string
  /** How clients connect; default `PLAINTEXT`. */
  readonly security?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Further server properties. The listener that clients use is called `CLIENT`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** Levels of features that the cluster is formatted with, such as `{ 'transaction.version': 1 }`; default the newest. */
  readonly features?: Readonly<Record<string, number>>
  /** A second listener, in the clear, whose clients are told to connect to `advertised`: a proxy's port on 127.0.0.1. */
  readonly proxied?: { readonly port: number; readonly advertised: number }
  /** A folder of files that the properties name, such as certificates; everybody has to be allowed to read it. */
  readonly files?: string
  /** A broker of one's own even where `KAFKA_BROKERS` is set: one that may be killed, or has properties that matter. */
  readonly own?: boolean
}

/** A broker for tests. */
export interface Kafka {
  readonly brokers: readonly string[]
  /** Its process, where it is one of this machine's. */
  readonly pid: number | undefined
  /** Ends it as `kill -9` does; its data stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; one that still runs is stopped cleanly first. */
  restart(): Promise<void>
  /** Ends it and deletes its data. */
  stop(): Promise<void>
}
