import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StoreId } from '@joinery/core/store'
import { chunkArguments, chunksOf } from './chunks.js'
import type { Commands } from './commands.js'
import type { Argument, Reply } from './connection.js'
import { fieldOf, keyOf, MARK_FIELD } from './fields.js'
import { digits, judgeMark, newOwner } from './mark.js'
import { clearScript } from './scripts/clear.js'
import { commitScript } from './scripts/commit.js'
import { openScript } from './scripts/open.js'
import { scanScript } from './scripts/scan.js'
import type { Script } from './scripts/script.js'

/** Keys in one request. */
const MOST_KEYS = 1_000
const FIRST_PAGE = 100
const MOST_PAGE = 1_000
/** What a page of a scan should be, so that neither side holds much at once. */
const PAGE_BYTES = 2 ** 20

/**
 * A store in one hash: a row for each key, the position, and a mark of its owner and of how much that owner has written.
 * Each answer comes with the mark, so a store that has lost something, or everything, never passes for one without the row.
 */
export class RedisStore implements StateStore {
  readonly #id: StoreId
  readonly #commands: Commands
  readonly #owner: string
  #position: string | undefined
  /** Numbers of chunks: the last that was acknowledged, the last that was sent. */
  #acknowledged = 0
  #sent = 0
  #isClosed = false

  constructor(id: StoreId, commands: Commands) {
    this.#id = id
    this.#commands = commands
    this.#owner = newOwner(id)
  }

  /** Takes the store over. */
  async open(): Promise<void> {
    const [outcome, position] = await this.#commands.run('be opened', openScript, [this.#owner])
    if (textOf(outcome) === 'fenced') throw this.#lost('fenced')
    this.#position = textOf(position)
  }

  get position(): string | undefined {
    return this.#position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#checkOpen()
    if (keys.length <= MOST_KEYS) return this.#get(keys)
    const parts: Promise<readonly (Uint8Array | undefined)[]>[] = []
    for (let i = 0; i < keys.length; i += MOST_KEYS) parts.push(this.#get(keys.slice(i, i + MOST_KEYS)))
    return (await Promise.all(parts)).flat()
  }

  async #get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const least = this.#acknowledged
    const [mark, ...values] = await this.#commands.fields('be read', [MARK_FIELD, ...keys.map(fieldOf)])
    this.#checkMark(mark, least)
    return values.map(ownBytes)
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    this.#checkOpen()
    const chunks = chunksOf(changes)
    for (const [i, chunk] of chunks.entries()) {
      const what = i === chunks.length - 1 ? 'last' : 'more'
      await this.#write('commit', commitScript, [what, position, ...chunkArguments(chunk)])
    }
    this.#position = position
  }

  async clear(): Promise<void> {
    this.#checkOpen()
    await this.#write('be cleared', clearScript, [])
    this.#position = undefined
  }

  /**
   * A change with a number of its own, which takes effect once at most, however often and late it arrives. One whose answer
   * was lost may or may not be there: the next one follows either.
   */
  async #write(does: string, script: Script, args: readonly Argument[]): Promise<void> {
    const number = ++this.#sent
    const head = [this.#owner, digits(this.#acknowledged), digits(number)]
    const [, mark] = await this.#commands.run(does, script, [...head, ...args])
    this.#checkMark(mark, number)
    this.#acknowledged = number
  }

  async *entries(): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    const seen = new Set<string>()
    let [cursor, server, count] = ['0', '', FIRST_PAGE]
    for (;;) {
      this.#checkOpen()
      const least = this.#acknowledged
      const page = await this.#commands.run('be read', scanScript, [cursor, String(count)])
      const [mark, run, next, fields] = page as [Buffer | null, Buffer, Buffer, readonly Buffer[]]
      this.#checkMark(mark, least)
      let bytes = 0
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const [key, value] = [keyOf(fields[i] as Buffer), fields[i + 1] as Buffer]
        bytes += value.length
        if (key === undefined) continue
        // a hash that shrinks meanwhile gives rows twice
        const text = key.toString('latin1')
        if (seen.has(text)) continue
        seen.add(text)
        yield [key, value]
      }
      // after a restart or a failover rows come in another order: from the beginning, without those that were seen
      const isSame = server === '' || server === run.toString()
      server = run.toString()
      cursor = isSame ? next.toString() : '0'
      if (isSame && cursor === '0') return
      count = Math.max(1, Math.min(MOST_PAGE, Math.round((count * PAGE_BYTES) / Math.max(1, bytes))))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #checkOpen(): void {
    const { name, partition } = this.#id
    if (this.#isClosed)
      throw new JoineryError('STORE_CLOSED', `store ${name}[${partition}] was closed`, { topic: name, partition })
  }

  #checkMark(mark: Reply | undefined, least: number): void {
    const state = judgeMark(textOf(mark), this.#owner, least, this.#sent)
    if (state !== 'intact') throw this.#lost(state)
  }

  #lost(how: 'fenced' | 'behind'): JoineryError {
    const { name, partition } = this.#id
    const at = { topic: name, partition, retriable: true }
    return how === 'fenced'
      ? new JoineryError('STORE_FENCED', `a later owner has opened store ${name}[${partition}]`, at)
      : new JoineryError(
          'STORE_BEHIND',
          `Redis has lost what it had acknowledged of store ${name}[${partition}]: it is caught up from the log`,
          at,
        )
  }
}

function textOf(reply: Reply | undefined): string | undefined {
  return Buffer.isBuffer(reply) ? reply.toString() : undefined
}

/** Out of the buffer that the whole answer came in, which it would keep alive. */
function ownBytes(value: Buffer | null): Uint8Array | undefined {
  return value === null ? undefined : new Uint8Array(value)
}
