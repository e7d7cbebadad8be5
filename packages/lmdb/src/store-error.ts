import { statfsSync } from 'node:fs'
import { isJoineryError, JoineryError } from '@joinery/core'
import { isDamage } from './damage.js'

// Errors of LMDB and of the operating system, by number or name.
const TOO_MANY_STORES = -30791
const BAD_TRANSACTION: unknown = -30782
const TOO_LARGE: unknown = 27
const FORBIDDEN = new Set<unknown>([1, 13, 30, 'EPERM', 'EACCES', 'EROFS', 'ENOTDIR', 'EEXIST'])
/** LMDB also reports a partial write with this code. */
const IO_ERROR = new Set<unknown>([5, 'EIO'])
const FULL = new Set<unknown>([27, 28, 122, 'EFBIG', 'ENOSPC', 'EDQUOT'])
const TOO_MANY_FILES = new Set<unknown>([23, 24, 'ENFILE', 'EMFILE'])

/** @returns an error of LMDB or the operating system as a `JoineryError` about the stores of a directory */
export function storeError(cause: unknown, path: string, operation: 'opened' | 'read' | 'written'): JoineryError {
  if (isJoineryError(cause)) return cause
  const { code, message = String(cause) } = cause as { code?: unknown; message?: string }
  const failed = (advice: string, retriable: boolean) =>
    new JoineryError('STORE_FAILED', `stores in ${path} could not be ${operation}: ${message}; ${advice}`, {
      cause,
      retriable,
    })
  if (isDamage(cause)) {
    const damaged = `the files in ${path} are damaged: ${message}; delete the directory, and the stores are rebuilt from the log`
    return new JoineryError('STORE_CORRUPT', damaged, { cause })
  }
  if (FULL.has(code) || IO_ERROR.has(code))
    return failed(`check the disk, which has ${freeBytes(path)} bytes free; committed changes are in the log`, true)
  if (TOO_MANY_FILES.has(code))
    return failed('raise the limit of open files (ulimit -n), or find out what keeps files open', true)
  if (FORBIDDEN.has(code)) return failed('the process needs permission to read and write the directory', false)
  if (code === TOO_MANY_STORES)
    return failed('use several instances with separate directories, so that each has fewer tasks', false)
  return failed('committed changes are in the log', true)
}

/** @returns the error for files of another program */
export function foreign(path: string, why: string | undefined): JoineryError {
  const reason = why === undefined ? '' : ` (${why})`
  const message = `path ${path} holds files of LMDB that are not those of stores${reason}: use a directory for these stores alone`
  return new JoineryError('OPTION_INVALID', message)
}

/**
 * Whether a damaged page may be why a write has failed: an operation of the transaction has failed, and lmdb does not report
 * which one; or it has written to a page far outside of the file.
 */
export const mayBeDamage = (error: unknown): boolean =>
  [BAD_TRANSACTION, TOO_LARGE].includes((error as { readonly code?: unknown }).code)

/** Whether an error says that files are damaged, so that new ones can replace them. */
export const isDamaged = (error: unknown): error is JoineryError =>
  isJoineryError(error, 'STORE_CORRUPT') && isDamage(error.cause)

function freeBytes(path: string): number | string {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 'an unknown number of'
  }
}
