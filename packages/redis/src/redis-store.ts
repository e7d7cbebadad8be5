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

/** The most keys of one request. */
const MAX_KEYS = 1_000
/** Rows of a page of a scan: the first, and the largest. */
const FIRST_PAGE = 100
const MAX_PAGE = 1_000
/** The intended size of a page, so that neither side buffers much. */
const PAGE_BYTES = 2 ** 20

/**
 * A store in one hash: a field for each row, the position, and the mark of the owner and of how much it has written. Every
 * reply includes the mark, so a store that has lost rows is never mistaken for one without these rows.
 */
export class RedisStore implements StateStore {
  readonly #id: StoreId
  readonly #commands: Commands
  readonly #owner: string
  #position: string | undefined
  /** As of the last reply: the server counts. */
  #storedBytes = 0
  /** The numbers of the last chunk that was acknowledged, and the last that was sent. */
  #acknowledged = 0
  #sent = 0
  #isClosed = false

  constructor(id: StoreId, commands: Commands) {
    this.#id = id
    this.#commands = commands
    this.#owner = newOwner(id)
  }

  /** Takes over the store. */
  async open(): Promise<void> {
    const [outcome, position, bytes] = await this.#commands.run('be opened', openScript, [this.#owner])
    if (textOf(outcome) === 'fenced') throw this.#ownershipError('fenced')
    this.#position = textOf(position)
    this.#storedBytes = Number(textOf(bytes))
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  get position(): string | undefined {
    return this.#position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#checkOpen()
    if (keys.length <= MAX_KEYS) return this.#get(keys)
    const parts: Promise<readonly (Uint8Array | undefined)[]>[] = []
    for (let i = 0; i < keys.length; i += MAX_KEYS) parts.push(this.#get(keys.slice(i, i + MAX_KEYS)))
    return (await Promise.all(parts)).flat()
  }

  async #get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const acknowledged = this.#acknowledged
    const [mark, ...values] = await this.#commands.fields('be read', [MARK_FIELD, ...keys.map(fieldOf)])
    this.#checkMark(mark, acknowledged)
    return values.map(ownBytes)
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    this.#checkOpen()
    const chunks = chunksOf(changes)
    for (const [i, chunk] of chunks.entries()) {
      const kind = i === chunks.length - 1 ? 'last' : 'more'
      await this.#write('commit', commitScript, [kind, position, ...chunkArguments(chunk)])
    }
    this.#position = position
  }

  async clear(): Promise<void> {
    this.#checkOpen()
    await this.#write('be cleared', clearScript, [])
    this.#position = undefined
  }

  /**
   * Writes a numbered change, which takes effect at most once, however often and late it arrives. If its reply is lost, it may
   * or may not have taken effect; the next change is valid in both cases.
   */
  async #write(operation: string, script: Script, args: readonly Argument[]): Promise<void> {
    const number = ++this.#sent
    const head = [this.#owner, digits(this.#acknowledged), digits(number)]
    const [, mark, bytes] = await this.#commands.run(operation, script, [...head, ...args])
    this.#checkMark(mark, number)
    this.#acknowledged = number
    this.#storedBytes = Number(textOf(bytes))
  }

  async *entries(): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    const seen = new Set<string>()
    let [cursor, server, count] = ['0', '', FIRST_PAGE]
    for (;;) {
      this.#checkOpen()
      const acknowledged = this.#acknowledged
      const page = await this.#commands.run('be read', scanScript, [cursor, String(count)])
      const [mark, run, next, fields] = page as [Buffer | null, Buffer, Buffer, readonly Buffer[]]
      this.#checkMark(mark, acknowledged)
      let bytes = 0
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const [key, value] = [keyOf(fields[i] as Buffer), fields[i + 1] as Buffer]
        bytes += value.length
        if (key === undefined) continue
        // a hash that shrinks during the scan can return rows twice
        const text = key.toString('latin1')
        if (seen.has(text)) continue
        seen.add(text)
        yield [key, value]
      }
      // after a restart or a failover the order of rows differs: scan from the beginning, and skip rows that were seen
      const isSame = server === '' || server === run.toString()
      server = run.toString()
      cursor = isSame ? next.toString() : '0'
      if (isSame && cursor === '0') return
      count = Math.max(1, Math.min(MAX_PAGE, Math.round((count * PAGE_BYTES) / Math.max(1, bytes))))
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

  #checkMark(mark: Reply | undefined, acknowledged: number): void {
    const state = judgeMark(textOf(mark), this.#owner, acknowledged, this.#sent)
    if (state !== 'intact') throw this.#ownershipError(state)
  }

  #ownershipError(how: 'fenced' | 'behind'): JoineryError {
    const { name, partition } = this.#id
    const at = { topic: name, partition, retriable: true }
    return how === 'fenced'
      ? new JoineryError('STORE_FENCED', `a later owner has opened store ${name}[${partition}]`, at)
      : new JoineryError(
          'STORE_BEHIND',
          `Redis has lost acknowledged changes of store ${name}[${partition}]: the store is restored from the log`,
          at,
        )
  }
}

function textOf(reply: Reply | undefined): string | undefined {
  return Buffer.isBuffer(reply) ? reply.toString() : undefined
}

/** @returns a copy, because a view would keep the buffer of the whole reply alive */
function ownBytes(value: Buffer | null): Uint8Array | undefined {
  return value === null ? undefined : new Uint8Array(value)
}
