import { isJoineryError, JoineryError, type StateStores } from '@joinery/core'
import type { StateStore, StoreId } from '@joinery/core/store'
import { Commands } from './commands.js'
import { type Connection, checkClient, connectionTo, type RedisClient } from './connection.js'
import { checkEviction } from './eviction-policy.js'
import { storeFailed } from './failure.js'
import { RedisStore } from './redis-store.js'
import { checkNamespace, storeKey } from './store-key.js'

/** Options of {@link redisStores} beside where Redis is. */
export interface RedisStoresSettings {
  /**
   * The first part of all keys, for servers that others use too: up to 64 of the characters `A-Z a-z 0-9 . _ -`.
   * @defaultValue `'joinery'`
   */
  readonly namespace?: string
  /**
   * How long a command may take, in milliseconds; then the call fails with `STORE_FAILED`, and is tried again.
   * @defaultValue `5000`
   */
  readonly timeoutMs?: number
  /**
   * Told, once, when the server does not say whether it evicts keys (both INFO and CONFIG are forbidden, or INFO says
   * nothing): then `maxmemory-policy noeviction` is for you to see to.
   * @defaultValue `process.emitWarning`
   */
  readonly onWarning?: (message: string) => void
}

/** A client of yours: with TLS, Sentinels or a cluster as you configure it. It is never closed here. */
export interface RedisClientOptions extends RedisStoresSettings {
  /** Of ioredis 5 or 6. */
  readonly client: RedisClient
  /** Not beside a client. */
  readonly url?: never
}

/** A client of our own, which is closed with the stores. */
export interface RedisUrlOptions extends RedisStoresSettings {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url: string
  /** Not beside a URL. */
  readonly client?: never
}

/** Where Redis is, and how it is used. */
export type RedisStoresOptions = RedisClientOptions | RedisUrlOptions

/**
 * Stores in Redis: state that is not this machine's, so that a task finds it wherever it runs next. The log stays the
 * truth: what Redis loses, in a restart, a failover or a `FLUSHALL`, is noticed at the next call and replayed.
 *
 * Dispose of it after the application. A client that was handed in stays open.
 *
 * @throws JoineryError `OPTION_INVALID`; and when a store is opened, if the server's `maxmemory-policy` is not `noeviction`
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

const DEFAULT_TIMEOUT_MS = 5_000

class RedisStores implements StateStores, AsyncDisposable {
  readonly #namespace: string
  readonly #connection: Connection
  readonly #isOwn: boolean
  readonly #warn: (message: string) => void
  #hasWarned = false
  #isClosed = false

  constructor({ client, url, namespace = 'joinery', timeoutMs = DEFAULT_TIMEOUT_MS, onWarning }: RedisStoresOptions) {
    checkNamespace(namespace)
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1)
      throw new JoineryError('OPTION_INVALID', `timeoutMs is ${timeoutMs}: use a whole number of at least 1`)
    if ((client === undefined) === (url === undefined))
      throw new JoineryError('OPTION_INVALID', 'redisStores needs a client or a url, and not both')
    this.#namespace = namespace
    this.#isOwn = client === undefined
    this.#warn = onWarning ?? ((message) => process.emitWarning(message, 'JoineryWarning'))
    if (client !== undefined) checkClient(client)
    this.#connection =
      client === undefined ? connectionTo(url as string, timeoutMs) : { client, timeoutMs, problem: () => undefined }
  }

  async open(id: StoreId): Promise<StateStore> {
    if (this.#isClosed)
      throw new JoineryError('STORE_CLOSED', `the stores were disposed of: store ${id.name} cannot be opened`)
    const store = new RedisStore(id, new Commands(this.#connection, storeKey(this.#namespace, id), id))
    await store.open()
    await this.#checkServer(id)
    return store
  }

  /** At each opening: after a failover it may be another server. */
  async #checkServer(id: StoreId): Promise<void> {
    const isKept = await checkEviction(this.#connection).catch((error: unknown) => {
      throw isJoineryError(error) ? error : storeFailed('be opened', error, this.#connection, id)
    })
    if (isKept || this.#hasWarned) return
    this.#hasWarned = true
    this.#warn('Redis does not say what its maxmemory-policy is: see to it that it is noeviction')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    if (this.#isOwn) this.#connection.client.disconnect()
  }
}
