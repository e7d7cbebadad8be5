import { statfsSync } from 'node:fs'
import { isJoineryError, JoineryError } from '@joinery/core'
import { DamagedRow } from './row-format.js'

/** Errors of LMDB and of the operating system, by number or name. */
const DAMAGED = new Set<unknown>([-30797, -30796, -30794, -30793])
const TOO_MANY_STORES = -30791
/** An operation of the transaction has failed; lmdb does not report which one. */
const BAD_TRANSACTION = -30782
const FORBIDDEN = new Set<unknown>([1, 13, 30, 'EPERM', 'EACCES', 'EROFS', 'ENOTDIR', 'EEXIST'])
/** LMDB also reports a partial write with this code. */
const IO_ERROR = new Set<unknown>([5, 'EIO'])
const FULL = new Set<unknown>([27, 28, 122, 'EFBIG', 'ENOSPC', 'EDQUOT'])

/** @returns an error of LMDB or the operating system as a `JoineryError` about the stores of a directory */
export function storeError(cause: unknown, path: string, operation: 'opened' | 'read' | 'written'): JoineryError {
  if (isJoineryError(cause)) return cause
  const { code, message = String(cause) } = cause as { code?: unknown; message?: string }
  const failed = (advice: string, retriable: boolean) =>
    new JoineryError('STORE_FAILED', `stores in ${path} could not be ${operation}: ${message}; ${advice}`, {
      cause,
      retriable,
    })
  if (cause instanceof DamagedRow || DAMAGED.has(code)) return damaged(path, message, cause)
  if (FULL.has(code) || IO_ERROR.has(code))
    return failed(`check the disk, which has ${freeBytes(path)} bytes free; committed changes are in the log`, true)
  if (FORBIDDEN.has(code)) return failed('the process needs permission to read and write the directory', false)
  if (code === TOO_MANY_STORES)
    return failed('use several instances with separate directories, so that each has fewer tasks', false)
  if (code === BAD_TRANSACTION)
    return failed(
      'if it persists, the files are damaged: delete the directory, and the stores are rebuilt from the log',
      true,
    )
  return failed('committed changes are in the log', true)
}

/** @returns the error for files that are not valid */
export function damaged(path: string, what: string, cause?: unknown): JoineryError {
  const message = `the files in ${path} are damaged: ${what}; delete the directory, and the stores are rebuilt from the log`
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
