import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The page size of the stores, the same on every system. */
export const PAGE_BYTES = 4_096
/** LMDB begins a file with two meta pages. */
const HEADER_BYTES = 2 * PAGE_BYTES
/** The offset of LMDB's magic number in each meta page. The version of the format follows it. */
const MAGIC_AT = 24
const MAGIC = 0xbeefc0de
const VERSION = 2
/** More than LMDB needs to create its files. */
const RESERVE_BYTES = 65_536

/** The state of a data file. `unfinished`: it was never completely created. */
export type DataFile = 'none' | 'unfinished' | 'damaged' | 'whole'

/**
 * Inspects a data file before LMDB opens it, because lmdb terminates the process if the file is not one of LMDB. A file whose
 * creation was interrupted, by the end of its process or its machine, has never contained anything.
 */
export function inspect(file: string): DataFile {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) return 'none'
  if (size >= HEADER_BYTES && hasHeader(file)) return 'whole'
  return size > HEADER_BYTES ? 'damaged' : 'unfinished'
}

function hasHeader(file: string): boolean {
  const header = Buffer.alloc(HEADER_BYTES)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, header, 0, HEADER_BYTES, 0)
  } finally {
    closeSync(descriptor)
  }
  const isMetaPage = (page: number) =>
    header.readUInt32LE(page * PAGE_BYTES + MAGIC_AT) === MAGIC &&
    (header.readUInt32LE(page * PAGE_BYTES + MAGIC_AT + 4) & 0xffff) === VERSION
  return isMetaPage(0) && isMetaPage(1)
}

/**
 * Extends a file to its full number of pages. Pages can be missing at the end, because LMDB omits unused ones or because of
 * damage, and the operating system terminates a process that accesses them. LMDB recognises that a page of zeros is not valid.
 */
export function extend(file: string, pages: number): void {
  const { size } = statSync(file)
  if (size >= pages * PAGE_BYTES) return
  truncateSync(file, size - (size % PAGE_BYTES))
  truncateSync(file, pages * PAGE_BYTES)
}

/** Throws if the disk has no room for new files, because lmdb would terminate the process. */
export function reserve(directory: string): void {
  const probe = join(directory, 'reserve')
  try {
    writeFileSync(probe, Buffer.alloc(RESERVE_BYTES), { flush: true })
  } finally {
    rmSync(probe, { force: true })
  }
}
