/** The configuration of a server. */
export interface RedisOptions {
  /** Settings as in redis.conf, as a list if there are several words. By default, nothing is persisted. */
  readonly settings?: Readonly<Record<string, string | number | readonly string[]>>
  /** Whether clients connect with TLS. The settings name the certificates. */
  readonly tls?: boolean
  /** A folder of files that the settings refer to, such as certificates. It must be readable by everyone. */
  readonly files?: string
  /** Starts a server even if `REDIS_URL` is set, because the test kills it or needs certain settings. */
  readonly own?: boolean
}

/** A server for tests. */
export interface Redis {
  readonly url: string
  /** The address at which other servers started here reach it. */
  readonly peer: { readonly host: string; readonly port: number }
  /** Kills it as `kill -9` does. Persisted data is kept. */
  kill(): Promise<void>
  /** Restarts it with the same port and data, after a clean stop if it is still running. */
  restart(): Promise<void>
  /** Suspends the process. Its connections stay open. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Stops it and deletes its data. */
  stop(): Promise<void>
}
