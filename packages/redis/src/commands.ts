import { type Argument, type Connection, call, type Reply } from './connection.js'
import { type StorePlace, storeFailed } from './failure.js'
import { MARK_FIELD } from './fields.js'
import { TimeoutError } from './in-time.js'
import type { Script } from './scripts/script.js'

/** Commands on one store. */
export class Commands {
  readonly #connection: Connection
  readonly #key: string
  readonly #place: StorePlace
  /** A command was not answered in time, and none since. */
  #isDoubtful = false

  constructor(connection: Connection, key: string, place: StorePlace) {
    this.#connection = connection
    this.#key = key
    this.#place = place
  }

  /**
   * Reads fields of the store.
   *
   * @throws JoineryError `STORE_FAILED`, as all commands
   */
  async fields(does: string, fields: readonly Argument[]): Promise<readonly (Buffer | null)[]> {
    return (await this.#send(does, 'hmget', [this.#key, ...fields])) as readonly (Buffer | null)[]
  }

  async run(does: string, { lua, sha }: Script, args: readonly Argument[]): Promise<readonly Reply[]> {
    const rest = ['1', this.#key, ...args]
    return (await this.#send(does, 'evalsha', [sha, ...rest], ['eval', [lua, ...rest]])) as readonly Reply[]
  }

  async #send(
    does: string,
    command: string,
    args: readonly Argument[],
    unknown?: readonly [command: string, args: readonly Argument[]],
  ): Promise<Reply> {
    try {
      // what nobody answers is kept by the client, and must not gather there: a small question goes first
      if (this.#isDoubtful) await call(this.#connection, 'hmget', [this.#key, MARK_FIELD])
      const reply = await call(this.#connection, command, args).catch((error: Error) => {
        if (unknown === undefined || !error.message.startsWith('NOSCRIPT')) throw error
        return call(this.#connection, ...unknown)
      })
      this.#isDoubtful = false
      return reply
    } catch (error) {
      if (error instanceof TimeoutError) this.#isDoubtful = true
      throw storeFailed(does, error, this.#connection, this.#place)
    }
  }
}
