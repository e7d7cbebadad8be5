import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Damage } from './damage.js'

/** The page size of the stores, the same on every system. */
export const PAGE_BYTES = 4_096
/** Each page begins with its number, a transaction, flags, and two offsets or the number of pages of one value. Offsets follow the header. */
const HEADER_BYTES = 24
const FLAGS_AT = 18
const LOWER_AT = 20
const UPPER_AT = 22
const PAGES_AT = 20
/** The flags of a page. */
const BRANCH = 1
const LEAF = 2
const LARGE_VALUE = 4
const META = 8
/** The flags of a node. */
const BIG = 1
const DATABASE = 2

const MAGIC = 0xbeefc0de
const VERSION = 2
const META_PAGES = 2
const NODE_HEADER_BYTES = 8
const DATABASE_BYTES = 48
const ROOT_AT = 40
const BIG_VALUE_BYTES = 24
/** The root of a tree without pages. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** The latest of the two meta pages. */
export interface Meta {
  readonly pageBytes: number
  readonly freeRoot: number | undefined
  readonly mainRoot: number | undefined
  readonly pages: number
}

/** Pages that follow each other. */
export interface PageRange {
  readonly from: number
  readonly count: number
}

/** An entry of a page: a child of a branch, or a key with its value. */
export interface PageNode {
  readonly key: Buffer
  /** The page below this entry of a branch. */
  readonly child: number
  readonly flags: number
  /** The value, or where it is if it is large. */
  readonly value: Buffer
  /** The number of bytes of the value. */
  readonly size: number
}

/** Reads the pages of a data file, without LMDB: LMDB ends the process if it finds one that it cannot read. */
export class DataPages {
  readonly #descriptor: number

  constructor(file: string) {
    this.#descriptor = openSync(file, 'r')
  }

  get bytes(): number {
    return fstatSync(this.#descriptor).size
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  /** @returns the latest meta page; `undefined` unless both are valid, because LMDB then refuses the file */
  meta(): Meta | undefined {
    const first = this.#metaAt(0)
    const second = first && this.#metaAt(first.pageBytes)
    if (first === undefined || second === undefined) return undefined
    return first.transaction > second.transaction ? first : second
  }

  #metaAt(offset: number): (Meta & { readonly transaction: bigint }) | undefined {
    const page = this.#read(offset)
    if ((page.readUInt16LE(FLAGS_AT) & META) === 0) return undefined
    const meta = page.subarray(HEADER_BYTES)
    if (meta.readUInt32LE(0) !== MAGIC || (meta.readUInt32LE(4) & 0xffff) !== VERSION) return undefined
    return {
      pageBytes: meta.readUInt32LE(24),
      freeRoot: rootOf(meta.subarray(24)),
      mainRoot: rootOf(meta.subarray(24 + DATABASE_BYTES)),
      pages: Number(meta.readBigUInt64LE(24 + 2 * DATABASE_BYTES)) + 1,
      transaction: meta.readBigUInt64LE(32 + 2 * DATABASE_BYTES),
    }
  }

  /**
   * @param pages the number of pages that the file has
   * @returns the entries of a branch or a leaf
   * @throws Damage
   */
  nodes(number: number, pages: number): { readonly isBranch: boolean; readonly nodes: readonly PageNode[] } {
    const page = this.#page(number, pages)
    const flags = page.readUInt16LE(FLAGS_AT)
    const lower = page.readUInt16LE(LOWER_AT)
    const upper = page.readUInt16LE(UPPER_AT)
    const isTree = flags === BRANCH || flags === LEAF
    if (!isTree || lower % 2 !== 0 || upper < lower || upper > PAGE_BYTES - HEADER_BYTES)
      throw new Damage(`page ${number} is neither a branch nor a leaf`)
    const count = lower / 2
    if (count < (flags === BRANCH ? 2 : 1)) throw new Damage(`page ${number} has ${count} entries`)
    const nodes: PageNode[] = []
    for (let i = 0; i < count; i++) {
      const node = nodeAt(page, HEADER_BYTES + page.readUInt16LE(HEADER_BYTES + 2 * i), flags)
      if (node === undefined) throw new Damage(`an entry of page ${number} is not within the page`)
      nodes.push(node)
    }
    return { isBranch: flags === BRANCH, nodes }
  }

  /**
   * @returns the pages of the value of an entry; `undefined` if it is in the page of the entry
   * @throws Damage if they are not there
   */
  largeValue({ value, size, flags }: PageNode, pages: number): PageRange | undefined {
    if ((flags & BIG) === 0) return undefined
    const number = Number(value.readBigUInt64LE(0))
    const page = this.#page(number, pages)
    const count = page.readUInt32LE(PAGES_AT)
    const isWithinFile = number + count <= pages && size <= count * PAGE_BYTES - HEADER_BYTES
    if (page.readUInt16LE(FLAGS_AT) !== LARGE_VALUE || !isWithinFile)
      throw new Damage(`page ${number} is not the beginning of a large value`)
    return { from: number, count }
  }

  /** @returns the bytes of the value of an entry */
  value({ value, size }: PageNode, at: PageRange | undefined): Buffer {
    if (at === undefined) return value
    const bytes = Buffer.alloc(size)
    readSync(this.#descriptor, bytes, 0, size, at.from * PAGE_BYTES + HEADER_BYTES)
    return bytes
  }

  #page(number: number, pages: number): Buffer {
    if (number < META_PAGES || number >= pages) throw new Damage(`page ${number} does not exist`)
    const page = this.#read(number * PAGE_BYTES)
    if (Number(page.readBigUInt64LE(0)) !== number) throw new Damage(`page ${number} is missing or overwritten`)
    return page
  }

  /** @returns a page; what is missing at the end of the file is zeros, as for LMDB */
  #read(offset: number): Buffer {
    const page = Buffer.alloc(PAGE_BYTES)
    readSync(this.#descriptor, page, 0, PAGE_BYTES, offset)
    return page
  }
}

/** @returns the root of the tree of a database; `undefined` if it is empty */
export function rootOf(database: Buffer): number | undefined {
  const root = database.readBigUInt64LE(ROOT_AT)
  return root === NO_PAGE ? undefined : Number(root)
}

function nodeAt(page: Buffer, at: number, pageFlags: number): PageNode | undefined {
  if (at + NODE_HEADER_BYTES > PAGE_BYTES) return undefined
  const low = page.readUInt32LE(at)
  const flags = page.readUInt16LE(at + 4)
  const keyAt = at + NODE_HEADER_BYTES
  const valueAt = keyAt + page.readUInt16LE(at + 6)
  const isBranch = pageFlags === BRANCH
  const inPage = isBranch ? 0 : (flags & BIG) !== 0 ? BIG_VALUE_BYTES : low
  if (valueAt + inPage > PAGE_BYTES) return undefined
  const child = isBranch ? low + flags * 2 ** 32 : 0
  const value = page.subarray(valueAt, valueAt + inPage)
  return { key: page.subarray(keyAt, valueAt), child, flags: isBranch ? 0 : flags, value, size: low }
}

/** Whether an entry of the main database is another database. */
export const isDatabase = ({ flags, value }: PageNode): boolean => flags === DATABASE && value.length === DATABASE_BYTES
