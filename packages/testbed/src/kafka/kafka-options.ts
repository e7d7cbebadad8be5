/** The configuration of a broker. */
export interface KafkaOptions {
  readonly port?: number
  /** The JVM's heap, such as `'512m'`. */
  readonly heap?: string
  /** Flags of the JVM of a local broker. Default: those with which it starts quickly, and runs slower code. */
  readonly jvm?: readonly string[]
  /** How clients connect; default `PLAINTEXT`. */
  readonly security?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Additional server properties. The listener that clients use is called `CLIENT`. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** The feature levels that the cluster is formatted with, such as `{ 'transaction.version': 1 }`. Default: the latest. */
  readonly features?: Readonly<Record<string, number>>
  /** A second listener without TLS, whose clients are directed to `advertised`, a proxy's port on 127.0.0.1. */
  readonly proxied?: { readonly port: number; readonly advertised: number }
  /** A folder of files that the properties refer to, such as certificates. It must be readable by everyone. */
  readonly files?: string
  /** A folder of Java classes that the properties refer to. It must be readable by everyone. */
  readonly classes?: string
  /** Starts a broker even if `KAFKA_BROKERS` is set, because the test kills it or needs certain properties. */
  readonly own?: boolean
}

/** A broker for tests. */
export interface Kafka {
  readonly brokers: readonly string[]
  /** Its process, if it is a local one. */
  readonly pid: number | undefined
  /** The folder of its logs, if it is a local one. */
  readonly data: string | undefined
  /** Kills it as `kill -9` does. Its data is kept. */
  kill(): Promise<void>
  /** Restarts it with the same port and data, after a clean stop if it is still running. */
  restart(): Promise<void>
  /** Stops it and deletes its data. */
  stop(): Promise<void>
}
