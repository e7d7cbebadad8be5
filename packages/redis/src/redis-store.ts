import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StoreId } from '@joinery/core/store'
import { chunkArguments, chunkBytes, chunksOf } from './chunks.js'
import { type Commands, isTimeout, type Request } from './commands.js'
import type { Argument, Reply } from './connection.js'
import { fieldOf, keyOf, MARK_FIELD } from './fields.js'
import { digits, judgeMark, type MarkState, newOwner } from './mark.js'
import { RequestSize, sizeText } from './request-size.js'
import { clearScript } from './scripts/clear.js'
import { commitScript } from './scripts/commit.js'
import { openScript } from './scripts/open.js'
import { scanScript } from './scripts/scan.js'
import type { Script } from './scripts/script.js'

/** The intended size of one reply to a read of rows. */
const READ_BYTES = 2 ** 23
/** The intended size of a page of a scan, so that neither side buffers much. */
const PAGE_BYTES = 2 ** 20
/** How many timeouts in a row end a scan. */
const MAX_TIMEOUTS = 3

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
  readonly #size: RequestSize
  #isClosed = false

  constructor(id: StoreId, commands: Commands) {
    this.#id = id
    this.#commands = commands
    this.#owner = newOwner(id)
    this.#size = new RequestSize(commands.timeoutMs)
  }

  /** Takes over the store. */
  async open(): Promise<void> {
    const request = { operation: 'be opened' }
    const database = await this.#commands.select(request)
    const args = [this.#owner, String(database)]
    const [outcome, position, bytes] = await this.#commands.run(request, openScript, args)
    if (textOf(outcome) === 'fenced') throw this.#ownershipError('fenced')
    if (textOf(outcome) === 'taken') throw this.#takenError()
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
    const most = this.#size.rows(READ_BYTES, this.#storedBytes)
    if (keys.length <= most) return this.#get(keys)
    // one after the other: replies on one connection wait for those before them
    const values: (Uint8Array | undefined)[] = []
    while (values.length < keys.length) {
      const end = values.length + this.#size.rows(READ_BYTES, this.#storedBytes)
      values.push(...(await this.#get(keys.slice(values.length, end))))
    }
    return values
  }

  async #get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#checkOpen()
    const acknowledged = this.#acknowledged
    const [mark, ...values] = await this.#read(keys.length, (request) =>
      this.#commands.fields(request, [MARK_FIELD, ...keys.map(fieldOf)]),
    )
    this.#checkMark(mark, acknowledged)
    return values.map(ownBytes)
  }

  /** Reads a number of rows, and learns from the reply how many to request next time. */
  async #read<T extends readonly Reply[]>(rows: number, send: (request: Request) => Promise<T>): Promise<T> {
    const began = performance.now()
    const reply = await send({
      operation: 'be read',
      size: () => this.#size.readText(rows),
      timedOut: () => this.#size.readTimedOut(rows),
    })
    this.#size.read(rows, ...sizeOf(reply), performance.now() - began)
    return reply
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    this.#checkOpen()
    const chunks = chunksOf(changes, this.#size.writeBytes)
    for (const [i, chunk] of chunks.entries()) {
      const kind = i === chunks.length - 1 ? 'last' : 'more'
      await this.#commitChunk(chunk, [kind, position, ...chunkArguments(chunk)])
    }
    this.#position = position
  }

  async #commitChunk(chunk: readonly Change[], args: readonly Argument[]): Promise<void> {
    const began = performance.now()
    const bytes = chunkBytes(chunk)
    const request = {
      operation: 'commit',
      size: () => `a write of ${sizeText(bytes)}`,
      timedOut: () => this.#size.writeTimedOut(bytes),
    }
    await this.#write(request, commitScript, args)
    this.#size.wrote(bytes, performance.now() - began)
  }

  async clear(): Promise<void> {
    this.#checkOpen()
    await this.#write({ operation: 'be cleared' }, clearScript, [])
    this.#position = undefined
  }

  /**
   * Writes a numbered change, which takes effect at most once, however often and late it arrives. If its reply is lost, it may
   * or may not have taken effect; the next change is valid in both cases.
   */
  async #write(request: Request, script: Script, args: readonly Argument[]): Promise<void> {
    const number = ++this.#sent
    const head = [this.#owner, digits(this.#acknowledged), digits(number)]
    const [, mark, bytes] = await this.#commands.run(request, script, [...head, ...args])
    this.#checkMark(mark, number)
    this.#acknowledged = number
    this.#storedBytes = Number(textOf(bytes))
  }

  async *entries(): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    const seen = new Set<string>()
    let [cursor, server] = ['0', '']
    for (;;) {
      const acknowledged = this.#acknowledged
      const [mark, run, next, fields] = await this.#page(cursor)
      this.#checkMark(mark, acknowledged)
      for (let i = 0; i + 1 < fields.length; i += 2) {
        const [key, value] = [keyOf(fields[i] as Buffer), fields[i + 1] as Buffer]
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
    }
  }

  /** Reads a page of rows, and after a timeout a smaller one. */
  async #page(cursor: string): Promise<[Buffer | null, Buffer, Buffer, readonly Buffer[]]> {
    for (let timeouts = 1; ; timeouts++) {
      this.#checkOpen()
      const rows = this.#size.rows(PAGE_BYTES, this.#storedBytes)
      try {
        const send = (request: Request) => this.#commands.run(request, scanScript, [cursor, String(rows)])
        return (await this.#read(rows, send)) as [Buffer | null, Buffer, Buffer, readonly Buffer[]]
      } catch (error) {
        if (!isTimeout(error) || rows === 1 || timeouts === MAX_TIMEOUTS) throw error
      }
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

  #ownershipError(how: Exclude<MarkState, 'intact'>): JoineryError {
    const { name, partition } = this.#id
    const store = `store ${name}[${partition}]`
    const at = { topic: name, partition, retriable: true }
    if (how === 'fenced') return new JoineryError('STORE_FENCED', `a later owner has opened ${store}`, at)
    return how === 'foreign'
      ? new JoineryError(
          'STORE_FENCED',
          `${store} was opened for another changelog, such as one of another Kafka cluster: give each its own namespace`,
          at,
        )
      : new JoineryError(
          'STORE_BEHIND',
          `Redis has lost acknowledged changes of ${store}: the store is restored from the log`,
          at,
        )
  }

  #takenError(): JoineryError {
    const { name, partition } = this.#id
    return new JoineryError(
      'OPTION_INVALID',
      `store ${name}[${partition}] belongs to another changelog that is in use, such as one of another Kafka cluster with an application of the same name: give each environment its own namespace; if the other is no longer used, delete the key ${this.#commands.key}`,
      { topic: name, partition },
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

/** @returns the number of rows in a reply, and their bytes: of a list of values, or of a page */
function sizeOf([, ...values]: readonly Reply[]): [rows: number, bytes: number] {
  const page = values.at(-1)
  const isPage = Array.isArray(page)
  let [rows, bytes] = [0, 0]
  for (const value of isPage ? (page as readonly Reply[]) : values) {
    if (!Buffer.isBuffer(value)) continue
    rows++
    bytes += value.length
  }
  return [isPage ? rows / 2 : rows, bytes]
}
