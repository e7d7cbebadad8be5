import { statfsSync } from 'node:fs'
import { isJoineryError, JoineryError } from '@joinery/core'
import { DamagedRow } from './row-format.js'

/** Errors of LMDB, and of the operating system, by number or name. */
const DAMAGED = new Set<unknown>([-30797, -30796, -30794, -30793])
const TOO_MANY_STORES = -30791
/** A transaction of which something has failed; lmdb does not tell what it was. */
const BAD_TRANSACTION = -30782
const FORBIDDEN = new Set<unknown>([1, 13, 30, 'EPERM', 'EACCES', 'EROFS', 'ENOTDIR', 'EEXIST'])
/** LMDB also says that of a write which the disk took only in part. */
const IO_ERROR = new Set<unknown>([5, 'EIO'])
const FULL = new Set<unknown>([27, 28, 122, 'EFBIG', 'ENOSPC', 'EDQUOT'])

/** Says in the words of Joinery what went wrong with the stores in a directory. */
export function storeError(cause: unknown, path: string, what: string): JoineryError {
  if (isJoineryError(cause)) return cause
  const { code, message = String(cause) } = cause as { code?: unknown; message?: string }
  const failed = (advice: string, retriable: boolean) =>
    new JoineryError('STORE_FAILED', `stores in ${path} could not be ${what}: ${message}; ${advice}`, {
      cause,
      retriable,
    })
  if (cause instanceof DamagedRow || DAMAGED.has(code)) return damaged(path, message, cause)
  if (FULL.has(code) || IO_ERROR.has(code))
    return failed(
      `look after the disk, on which ${freeBytes(path)} bytes are free; what was committed is in the log`,
      true,
    )
  if (FORBIDDEN.has(code)) return failed('the process needs a directory that it may read and write', false)
  if (code === TOO_MANY_STORES) return failed('give instances with fewer tasks a directory each', false)
  if (code === BAD_TRANSACTION)
    return failed('if it stays so, the files are damaged: delete the directory, and the log rebuilds the stores', true)
  return failed('what was committed is in the log', true)
}

/** What LMDB finds there makes no sense. */
export function damaged(path: string, what: string, cause?: unknown): JoineryError {
  const message = `the files in ${path} are damaged: ${what}; delete the directory, and the log rebuilds the stores`
  return new JoineryError('STORE_CORRUPT', message, { cause })
}

function freeBytes(path: string): number | string {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 'an unknown number of'
  }
}
