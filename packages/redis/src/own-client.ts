import { type Command, Redis, type RedisOptions } from 'ioredis'

/**
 * A client that sends no command again whose caller has given up. After a lost connection, a client of ioredis sends all commands
 * without a reply again: a write that takes longer than the connection lasts would be sent forever, and hold up all others.
 */
export class OwnClient extends Redis {
  readonly #timeoutMs: number
  /** When commands were sent first. */
  readonly #sentAt: WeakMap<Command, number> = new WeakMap()

  constructor(url: string, timeoutMs: number, options: RedisOptions) {
    super(url, options as { lazyConnect?: boolean })
    this.#timeoutMs = timeoutMs
  }

  override sendCommand(command: Command, ...rest: SendRest): unknown {
    const now = performance.now()
    const sentAt = this.#sentAt.get(command)
    if (sentAt !== undefined && now - sentAt >= this.#timeoutMs) {
      command.reject(new Error('the command had no reply in time'))
      return command.promise
    }
    if (sentAt === undefined) this.#sentAt.set(command, now)
    return super.sendCommand(command, ...rest)
  }
}

type SendRest = Parameters<Redis['sendCommand']> extends [unknown, ...infer Rest] ? Rest : never
