/** How a server is started. */
export interface RedisOptions {
  /** Settings as in redis.conf, a list where there is more than one word; over the defaults: nothing is kept on disk. */
  readonly settings?: Readonly<Record<string, string | number | readonly string[]>>
  /** Whether clients connect with TLS; the settings name the certificates. */
  readonly tls?: boolean
  /** A folder of files that the settings name, such as certificates; everybody has to be allowed to read it. */
  readonly files?: string
  /** A server of one's own even where `REDIS_URL` is set: one that may be killed, or has settings that matter. */
  readonly own?: boolean
}

/** A server for tests. */
export interface Redis {
  readonly url: string
  /** Where other servers that are started here find it. */
  readonly peer: { readonly host: string; readonly port: number }
  /** Ends it as `kill -9` does; what it has on disk stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; one that still runs is stopped cleanly first. */
  restart(): Promise<void>
  /** It stands still, connections and all. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it and deletes its data. */
  stop(): Promise<void>
}
