import { type Argument, type Connection, call, type Reply } from './connection.js'
import { type StorePlace, storeFailed } from './failure.js'
import { MARK_FIELD } from './fields.js'
import type { Script } from './scripts/script.js'
import { TimeoutError } from './with-timeout.js'

/** Sends commands for one store. */
export class Commands {
  readonly #connection: Connection
  readonly #key: string
  readonly #place: StorePlace
  /** Whether the last command timed out. */
  #hasTimedOut = false

  constructor(connection: Connection, key: string, place: StorePlace) {
    this.#connection = connection
    this.#key = key
    this.#place = place
  }

  /**
   * Reads fields of the store.
   *
   * @param operation completes "could not" in error messages
   * @throws JoineryError `STORE_FAILED`, as all commands do
   */
  async fields(operation: string, fields: readonly Argument[]): Promise<readonly (Buffer | null)[]> {
    return (await this.#send(operation, 'hmget', [this.#key, ...fields])) as readonly (Buffer | null)[]
  }

  /** Runs a script by its hash. If the server has not cached it, its source is sent. */
  async run(operation: string, { lua, sha }: Script, args: readonly Argument[]): Promise<readonly Reply[]> {
    const rest = ['1', this.#key, ...args]
    return (await this.#send(operation, 'evalsha', [sha, ...rest], ['eval', [lua, ...rest]])) as readonly Reply[]
  }

  async #send(
    operation: string,
    command: string,
    args: readonly Argument[],
    fallback?: readonly [command: string, args: readonly Argument[]],
  ): Promise<Reply> {
    try {
      // the client keeps commands without a reply in memory: after a timeout, a small command goes first
      if (this.#hasTimedOut) await call(this.#connection, 'hmget', [this.#key, MARK_FIELD])
      const reply = await call(this.#connection, command, args).catch((error: Error) => {
        if (fallback === undefined || !error.message.startsWith('NOSCRIPT')) throw error
        return call(this.#connection, ...fallback)
      })
      this.#hasTimedOut = false
      return reply
    } catch (error) {
      if (error instanceof TimeoutError) this.#hasTimedOut = true
      throw storeFailed(operation, error, this.#connection, this.#place)
    }
  }
}
