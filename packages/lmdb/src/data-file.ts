import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The size of LMDB's pages here, on every system. */
export const PAGE_BYTES = 4_096
/** LMDB writes two pages when it makes a file, and goes on behind them. */
const HEADER_BYTES = 2 * PAGE_BYTES
/** Where in each of the two pages it says that it is LMDB's, and in which version of its format. */
const MAGIC_AT = 24
const MAGIC = 0xbeefc0de
const VERSION = 2
/** More than LMDB needs to make its files. */
const RESERVE_BYTES = 65_536

/** What is under the name of a data file. */
export type DataFile = 'none' | 'unfinished' | 'damaged' | 'whole'

/**
 * Looks at a file before LMDB does: lmdb ends the process over one that is not LMDB's. One that was not finished when its
 * process was killed, or its machine failed, has never held anything.
 */
export function lookAt(file: string): DataFile {
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
  const isOne = (page: number) =>
    header.readUInt32LE(page * PAGE_BYTES + MAGIC_AT) === MAGIC &&
    (header.readUInt32LE(page * PAGE_BYTES + MAGIC_AT + 4) & 0xffff) === VERSION
  return isOne(0) && isOne(1)
}

/**
 * Gives a file all its pages. LMDB leaves some away at the end if nothing is in them, and so does damage; the operating
 * system ends a process that looks there. What LMDB then misses is a page of zeros, which is none of its own.
 */
export function fillUp(file: string, pages: number): void {
  const { size } = statSync(file)
  if (size >= pages * PAGE_BYTES) return
  truncateSync(file, size - (size % PAGE_BYTES))
  truncateSync(file, pages * PAGE_BYTES)
}

/** Fails where the disk has no room for new files: lmdb would end the process. */
export function reserve(directory: string): void {
  const probe = join(directory, 'reserve')
  try {
    writeFileSync(probe, Buffer.alloc(RESERVE_BYTES), { flush: true })
  } finally {
    rmSync(probe, { force: true })
  }
}
