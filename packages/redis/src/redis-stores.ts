import { type Duration, isJoineryError, JoineryError, type StateStores } from '@joinery/core'
import { checkOptionNames, durationMs } from '@joinery/core/log'
import type { StateStore, StoreId } from '@joinery/core/store'
import { checkClient } from './client-use.js'
import { Commands } from './commands.js'
import { type Connection, connectionOf, createConnection, type RedisClient } from './connection.js'
import { storeFailed } from './failure.js'
import { RedisStore } from './redis-store.js'
import { checkServer } from './server-check.js'
import { checkNamespace, storeKey } from './store-key.js'

/** Options of {@link redisStores} for every kind of connection. */
export interface RedisStoresSettings {
  /**
   * The prefix of all keys, for servers that are shared: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`.
   * @defaultValue `'joinery'`
   */
  readonly namespace?: string
  /**
   * How long a command may take, from 1 ms to a day. After that, the operation fails with `STORE_FAILED` and is retried.
   * @defaultValue `'5s'`
   */
  readonly timeout?: Duration
  /**
   * Receives a warning, at most once, if the server does not reveal its `maxmemory-policy`, because INFO and CONFIG are
   * forbidden. Make sure that it is `noeviction`.
   * @defaultValue `process.emitWarning`
   */
  readonly onWarning?: (message: string) => void
}

/** Options with your own client, which you can configure for TLS, Sentinels or a cluster. It is never closed. */
export interface RedisClientOptions extends RedisStoresSettings {
  /** A client of ioredis 5 or 6. */
  readonly client: RedisClient
  /** Not together with a client. */
  readonly url?: never
}

/** Options with a URL. The client is created with the stores, and closed with them. */
export interface RedisUrlOptions extends RedisStoresSettings {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url: string
  /** Not together with a URL. */
  readonly client?: never
}

/** Options of {@link redisStores}. */
export type RedisStoresOptions = RedisClientOptions | RedisUrlOptions

/**
 * State stores in Redis: a task finds its state on whichever machine it runs next. The log remains the source of truth: if
 * Redis loses data in a restart, a failover or a `FLUSHALL`, the next call detects it, and the store is replayed from the log.
 *
 * Dispose of the stores after the application. A client that was passed in stays open.
 *
 * @returns a factory of stores, for the option `stores` of `run`
 * @throws JoineryError `OPTION_INVALID`; also when a store is opened, if the `maxmemory-policy` of the server is not `noeviction`
 *
 * @example
 * ```ts redis
 * import { redisStores } from '@joinery/redis'
 *
 * await using stores = redisStores({ url: 'redis://localhost:6379' })
 * await using app = await run(notify, { application: 'service-a', log, stores })
 * await app.ready
 * ```
 */
export function redisStores(options: RedisStoresOptions): StateStores & AsyncDisposable {
  return new RedisStores(options)
}

const REDIS_STORES_OPTIONS: Readonly<Record<keyof RedisClientOptions | keyof RedisUrlOptions, true>> = {
  client: true,
  url: true,
  namespace: true,
  timeout: true,
  onWarning: true,
}
const DEFAULT_TIMEOUT: Duration = '5s'
const MAX_TIMEOUT_MS = 86_400_000

class RedisStores implements StateStores, AsyncDisposable {
  readonly #namespace: string
  readonly #connection: Connection
  readonly #isOwn: boolean
  readonly #warn: (message: string) => void
  #hasWarned = false
  #isClosed = false

  constructor(options: RedisStoresOptions) {
    checkOptionNames('redisStores', options, REDIS_STORES_OPTIONS)
    const { client, url, namespace = 'joinery', timeout = DEFAULT_TIMEOUT, onWarning } = options
    checkNamespace(namespace)
    const timeoutMs = durationMs(timeout, 'timeout')
    if (timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS)
      throw new JoineryError(
        'OPTION_INVALID',
        `timeout is ${JSON.stringify(timeout)}: use a duration from '1ms' to '1d'`,
      )
    if ((client === undefined) === (url === undefined))
      throw new JoineryError('OPTION_INVALID', 'redisStores needs either a client or a url')
    this.#namespace = namespace
    this.#isOwn = client === undefined
    this.#warn = onWarning ?? ((message) => process.emitWarning(message, 'JoineryWarning'))
    if (client !== undefined) checkClient(client)
    this.#connection =
      client === undefined ? createConnection(url as string, timeoutMs) : connectionOf(client, timeoutMs)
  }

  async open(id: StoreId): Promise<StateStore> {
    if (this.#isClosed)
      throw new JoineryError(
        'STORE_CLOSED',
        `store ${id.name}[${id.partition}] cannot be opened: the stores were disposed of`,
      )
    checkClient(this.#connection.client)
    const store = new RedisStore(id, new Commands(this.#connection, storeKey(this.#namespace, id), id))
    await store.open()
    await this.#checkServer(id)
    return store
  }

  /** Runs each time a store is opened, because a failover can change the server. */
  async #checkServer(id: StoreId): Promise<void> {
    const isNoEviction = await checkServer(this.#connection).catch((error: unknown) => {
      throw isJoineryError(error) ? error : storeFailed('be opened', error, this.#connection, id)
    })
    if (isNoEviction || this.#hasWarned) return
    this.#hasWarned = true
    this.#warn('Redis does not reveal its maxmemory-policy: make sure that it is noeviction')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    if (this.#isOwn) this.#connection.client.disconnect()
  }
}
