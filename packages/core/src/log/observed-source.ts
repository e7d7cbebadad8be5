import type { Batch, LogSource, ReadPosition } from './contract.js'

/**
 * @param observe called with each batch that is read, before its reader gets it, and with where the reader began
 * @returns the same source otherwise
 */
export function observedSource(source: LogSource, observe: (batch: Batch, from: ReadPosition) => void): LogSource {
  return {
    describe: (topics, outputs) => source.describe(topics, outputs),
    endOffset: (at, kind) => source.endOffset(at, kind),
    ...(source.fetchedEnds && { fetchedEnds: (at) => source.fetchedEnds?.(at) }),
    earliestOffset: (at) => source.earliestOffset(at),
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) {
        observe(batch, from)
        yield batch
      }
    },
  }
}
