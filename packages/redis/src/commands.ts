import { JoineryError } from '@joinery/core'
import { type Argument, type Connection, call, databaseOf, type Reply } from './connection.js'
import { type StorePlace, storeFailed } from './failure.js'
import { MARK_FIELD } from './fields.js'
import type { Script } from './scripts/script.js'
import { TimeoutError } from './with-timeout.js'

/** What error messages contain about a command. */
export interface Request {
  /** Completes "could not". */
  readonly operation: string
  /** How large it is, as text. */
  readonly size?: () => string
  /** Called if it had no reply in time. */
  readonly timedOut?: () => void
}

interface Command {
  readonly name: string
  readonly args: readonly Argument[]
  /** Sent if the server does not know the script. */
  readonly fallback?: readonly Argument[]
  readonly lua?: string
}

/** Sends commands for one store. */
export class Commands {
  readonly #connection: Connection
  readonly #key: string
  readonly #place: StorePlace
  /** The last command, if it timed out. */
  #timedOut: { readonly size: string | undefined } | undefined

  constructor(connection: Connection, key: string, place: StorePlace) {
    this.#connection = connection
    this.#key = key
    this.#place = place
  }

  get key(): string {
    return this.#key
  }

  get timeoutMs(): number {
    return this.#connection.timeoutMs
  }

  /**
   * Selects the database that the client is configured for. The client ignores it if that fails when it connects, and then sends
   * everything to database 0.
   *
   * @returns its number
   * @throws JoineryError `STORE_FAILED`, as all commands do
   */
  async select(request: Request): Promise<number> {
    const database = databaseOf(this.#connection.client)
    if (database !== 0) await this.#send(request, { name: 'select', args: [String(database)] })
    return database
  }

  /** Reads fields of the store. */
  async fields(request: Request, fields: readonly Argument[]): Promise<readonly (Buffer | null)[]> {
    const reply = await this.#send(request, { name: 'hmget', args: [this.#key, ...fields] })
    return this.#list(reply) as readonly (Buffer | null)[]
  }

  /** Runs a script by its hash. If the server has not cached it, its source is sent. */
  async run(request: Request, { lua, sha }: Script, args: readonly Argument[]): Promise<readonly Reply[]> {
    const rest = ['1', this.#key, ...args]
    return this.#list(
      await this.#send(request, { name: 'evalsha', args: [sha, ...rest], fallback: [lua, ...rest], lua }),
    )
  }

  /** Within MULTI, the response to each command is a text. */
  #list(reply: Reply): readonly Reply[] {
    if (Array.isArray(reply)) return reply
    const { name, partition } = this.#place
    throw new JoineryError(
      'OPTION_INVALID',
      'redisStores cannot work with this client: a command had no list as reply; pass a client that is used without MULTI',
      { topic: name, partition },
    )
  }

  async #send({ operation, size, timedOut }: Request, { name, args, fallback, lua }: Command): Promise<Reply> {
    let isSent = false
    try {
      // the client keeps commands without a reply in memory: after a timeout, a small command goes first
      if (this.#timedOut !== undefined) await call(this.#connection, 'hmget', [this.#key, MARK_FIELD])
      isSent = true
      const reply = await call(this.#connection, name, args).catch((error: Error) => {
        if (fallback === undefined || !error.message.startsWith('NOSCRIPT')) throw error
        return call(this.#connection, 'eval', fallback)
      })
      this.#timedOut = undefined
      return reply
    } catch (error) {
      const request = { lua, size: isSent ? size?.() : this.#timedOut?.size }
      if (error instanceof TimeoutError && isSent) {
        this.#timedOut = request
        timedOut?.()
      }
      throw storeFailed(operation, error, this.#connection, this.#place, request)
    }
  }
}

/** Whether a command of a store had no reply in time. */
export function isTimeout(error: unknown): boolean {
  return (error as { cause?: Error }).cause?.name === TimeoutError.name
}
