import type { Change } from '@joinery/core/store'
import { bufferOf, fieldOf } from './fields.js'

/** The most changes of one script. A script blocks the server, for a few milliseconds with this number. */
export const CHUNK_CHANGES = 1_000

/**
 * @param maxBytes the most bytes of a chunk, unless a single change is larger
 * @returns the changes in chunks of one script each, in order; at least one chunk, which can be empty
 */
export function chunksOf(changes: readonly Change[], maxBytes: number): readonly (readonly Change[])[] {
  const chunks: Change[][] = []
  let chunk: Change[] = []
  let bytes = 0
  for (const change of changes) {
    const size = bytesOf(change)
    if (chunk.length === CHUNK_CHANGES || (chunk.length > 0 && bytes + size > maxBytes)) {
      chunks.push(chunk)
      chunk = []
      bytes = 0
    }
    chunk.push(change)
    bytes += size
  }
  return [...chunks, chunk]
}

/** @returns the bytes of keys and values */
export function chunkBytes(chunk: readonly Change[]): number {
  return chunk.reduce((sum, change) => sum + bytesOf(change), 0)
}

const bytesOf = ({ key, value }: Change): number => key.length + (value?.length ?? 0)

/** @returns a chunk as arguments of the script: runs of puts and runs of deletions */
export function chunkArguments(chunk: readonly Change[]): (string | Buffer)[] {
  const args: (string | Buffer)[] = []
  let at = 0
  let isPut: boolean | undefined
  for (const { key, value } of chunk) {
    if (isPut !== (value !== null)) {
      closeRun(args, at)
      isPut = value !== null
      args.push(isPut ? 'put' : 'delete', '')
      at = args.length
    }
    args.push(fieldOf(key))
    if (value !== null) args.push(bufferOf(value))
  }
  closeRun(args, at)
  return args
}

/** Sets the number of arguments of the run that begins at `at`. */
function closeRun(args: (string | Buffer)[], at: number): void {
  if (at > 0) args[at - 1] = String(args.length - at)
}
