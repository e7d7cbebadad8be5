import { chooseRedis } from './choose-redis.js'
import { startDockerRedis } from './docker-redis.js'
import { startLocalRedis } from './local-redis.js'
import { redisProbes } from './redis-probes.js'

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

/** The server of `REDIS_URL`, else a fresh one from Docker, else of `redis-server`. It does not outlive this process. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const choice = await chooseRedis(redisProbes, options.own)
  if (choice.from === 'nowhere') throw new Error(`Redis cannot be started: ${choice.missing}`)
  if (choice.from === 'docker') return startDockerRedis(options)
  if (choice.from === 'local') return startLocalRedis(options)
  const notOurs = async () => {
    throw new Error('somebody else runs this server: ask for an own one')
  }
  const { hostname, port } = new URL(choice.url)
  return {
    url: choice.url,
    peer: { host: hostname, port: Number(port) },
    kill: notOurs,
    restart: notOurs,
    pause: notOurs,
    resume: notOurs,
    stop: async () => {},
  }
}
