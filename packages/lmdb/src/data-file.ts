import { accessSync, closeSync, constants, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { type CheckDepth, checkPages } from './check-pages.js'
import { DataPages, PAGE_BYTES } from './data-pages.js'
import { foreign } from './store-error.js'

/** LMDB begins a file with two meta pages. */
const HEADER_BYTES = 2 * PAGE_BYTES
/** More than LMDB needs to create its files. */
const RESERVE_BYTES = 65_536
/** More than LMDB needs for the stores and for the lock: three files each, and one for a moment. */
const DESCRIPTORS = 16
/** The database of the format, as LMDB names it. */
const FORMAT_DATABASE = 'joinery\0'
const LARGEST_PAGE_BYTES = 65_536

/** The state of a data file. `unfinished`: it was never completely created. `foreign`: it belongs to something else. */
export type DataFileState = 'none' | 'unfinished' | 'damaged' | 'foreign' | 'whole'

/** What was found out about a data file. */
export interface DataFile {
  readonly state: DataFileState
  /** Why it is damaged or foreign. */
  readonly why?: string | undefined
  /** Whether it has the format of the stores, in whatever version. */
  readonly isOurs?: boolean
}

/**
 * Inspects a data file before LMDB opens it, because lmdb terminates the process if the file is not one of LMDB. A file whose
 * creation was interrupted, by the end of its process or its machine, has never contained anything.
 */
export function inspect(file: string, depth: CheckDepth = 'roots'): DataFile {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) return { state: 'none' }
  if (size <= HEADER_BYTES && !hasMeta(file)) return { state: 'unfinished' }
  const { names, pageBytes, damage } = checkPages(file, depth)
  const isPageSize = pageBytes >= 256 && pageBytes <= LARGEST_PAGE_BYTES && Number.isInteger(Math.log2(pageBytes))
  if (pageBytes !== PAGE_BYTES && isPageSize) return { state: 'foreign', why: damage }
  const isOurs = names.includes(FORMAT_DATABASE)
  if (damage !== undefined) return { state: 'damaged', why: damage, isOurs }
  if (isOurs || names.length === 0) return { state: 'whole', isOurs }
  return { state: 'foreign', why: `it holds ${JSON.stringify(names[0])}` }
}

/** Whether a data file was completely created. */
export const isCreated = (file: string): boolean =>
  statSync(file, { throwIfNoEntry: false }) !== undefined && hasMeta(file)

function hasMeta(file: string): boolean {
  const pages = new DataPages(file)
  try {
    return pages.meta() !== undefined
  } finally {
    pages.close()
  }
}

/**
 * Extends a file to its full number of pages. Pages can be missing at the end, because LMDB omits unused ones, and the operating
 * system terminates a process that accesses them.
 */
export function extend(file: string, pages: number): void {
  const { size } = statSync(file)
  if (size >= pages * PAGE_BYTES) return
  truncateSync(file, size - (size % PAGE_BYTES))
  truncateSync(file, pages * PAGE_BYTES)
}

/** Throws if the disk has no room for new files, because lmdb would terminate the process. */
export function reserveSpace(directory: string): void {
  const probe = join(directory, 'joinery-reserve')
  try {
    writeFileSync(probe, Buffer.alloc(RESERVE_BYTES), { flush: true })
  } finally {
    rmSync(probe, { force: true })
  }
}

/** Throws if the process may not open as many more files as LMDB does, because lmdb would terminate the process. */
export function reserveDescriptors(): void {
  const descriptors: number[] = []
  try {
    while (descriptors.length < DESCRIPTORS) descriptors.push(openSync(devNull, 'r'))
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
}

/**
 * Throws if the files of LMDB in a directory cannot be written, because lmdb would terminate the process. It does not open
 * them: to close a file would release the locks that the process has on it.
 */
export function checkAccess(directory: string): void {
  for (const name of ['data.mdb', 'lock.mdb']) {
    const file = join(directory, name)
    const found = statSync(file, { throwIfNoEntry: false })
    if (found === undefined) continue
    if (!found.isFile()) throw foreign(directory, `${name} is not a file`)
    accessSync(file, constants.R_OK | constants.W_OK)
  }
}
