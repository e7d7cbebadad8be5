import type { Log } from '@joinery/core'
import type { LogSource } from '@joinery/core/log'

/** @returns a log, and a counter of the records that were read from one of its topics */
export function countingLog(log: Log, topic: string): { readonly log: Log; readonly count: () => number } {
  let read = 0
  const { source, sink, group, tasks } = log
  const counted: LogSource = {
    describe: (topics, outputs) => source.describe(topics, outputs),
    endOffset: (at, kind) => source.endOffset(at, kind),
    earliestOffset: (at) => source.earliestOffset(at),
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) {
        if (from.topic === topic) read += batch.records.length
        yield batch
      }
    },
  }
  return { log: { source: counted, sink, group, tasks, [Symbol.asyncDispose]: async () => {} }, count: () => read }
}
