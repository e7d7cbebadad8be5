import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PartitionReader } from '../../src/reader/partition-reader.js'
import { marker, rawBatch, rawRecord } from '../protocol/record-batch/raw-batch.js'

type Step =
  | { readonly type: 'write'; readonly producer: number; readonly count: number; readonly isTransactional: boolean }
  | { readonly type: 'end'; readonly producer: number; readonly isCommit: boolean }

const PRODUCERS = 3
/** Ids have 63 bits: as numbers, these would be equal. */
const idOf = (producer: number): bigint => 2n ** 62n + BigInt(producer)
const producer = fc.integer({ min: 1, max: PRODUCERS })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('write' as const),
    producer,
    count: fc.integer({ min: 1, max: 3 }),
    isTransactional: fc.boolean(),
  }),
  fc.record({ type: fc.constant('end' as const), producer, isCommit: fc.boolean() }),
)

interface Transaction {
  readonly producerId: bigint
  readonly firstOffset: number
  readonly lastOffset: number
}

interface Stored {
  readonly offset: number
  readonly next: number
  readonly bytes: Buffer
  /** The batch after compaction, if it belongs to an aborted transaction: removed, or empty. */
  cleaned: Buffer | undefined
}

/** A partition as a broker keeps it. All transactions end, so the last stable offset is the high watermark. */
function partition(steps: readonly Step[], isMarkerKept: boolean) {
  const batches: Stored[] = []
  const aborted: Transaction[] = []
  const committed: number[] = []
  const open = new Map<number, { first: number; batches: Stored[]; offsets: number[] }>()
  let offset = 0
  const store = (bytes: Buffer, count: number): Stored => {
    const stored = { offset, next: offset + count, bytes, cleaned: bytes }
    batches.push(stored)
    offset += count
    return stored
  }
  const end = (id: number, isCommit: boolean) => {
    const transaction = open.get(id)
    if (transaction === undefined) return
    open.delete(id)
    const header = { baseOffset: BigInt(offset), attributes: 0b11_0000, producerId: idOf(id) }
    const stored = store(rawBatch({ ...header, records: [marker(isCommit ? 'commit' : 'abort')] }), 1)
    if (isCommit) {
      committed.push(...transaction.offsets)
      return
    }
    aborted.push({ producerId: idOf(id), firstOffset: transaction.first, lastOffset: stored.offset })
    for (const each of transaction.batches) each.cleaned = undefined
    stored.cleaned = isMarkerKept ? rawBatch(header) : undefined
  }
  for (const each of steps) {
    if (each.type === 'end') {
      end(each.producer, each.isCommit)
      continue
    }
    const { producer: id, count, isTransactional } = each
    const records = Array.from({ length: count }, (_, offsetDelta) => rawRecord({ offsetDelta }))
    const offsets = records.map((_, i) => offset + i)
    const first = offset
    const attributes = isTransactional ? 0b1_0000 : 0
    const stored = store(rawBatch({ baseOffset: BigInt(offset), attributes, producerId: idOf(id), records }), count)
    if (!isTransactional) committed.push(...offsets)
    else {
      const transaction = open.get(id) ?? { first, batches: [], offsets: [] }
      open.set(id, transaction)
      transaction.batches.push(stored)
      transaction.offsets.push(...offsets)
    }
  }
  for (const id of [...open.keys()]) end(id, id % 2 === 0)
  return { batches, aborted, committed: committed.sort((a, b) => a - b), end: offset }
}

describe('reading a partition', () => {
  it('yields exactly the committed records, however transactions overlap, responses are truncated and compaction proceeds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 1, max: 400 })),
        fc.integer({ min: 0, max: 15 }),
        fc.nat({ max: 20 }),
        async (steps, isMarkerKept, sizes, cleanedAfter, from) => {
          const log = partition(steps, isMarkerKept)
          const start = Math.min(from, log.end)
          const reader = new PartitionReader(
            { topic: 'orders', partition: 0, offset: start },
            { prefetchBytes: 2 ** 20, maxDecompressedBytes: 0 },
          )
          const read: number[] = []
          let next = start
          for (let fetches = 0; reader.position < log.end; fetches++) {
            const isCleaned = fetches >= cleanedAfter
            const stored = log.batches
              .filter((batch) => batch.next > reader.position)
              .flatMap(({ offset, next, bytes, cleaned }) => {
                const kept = isCleaned ? cleaned : bytes
                return kept === undefined ? [] : [{ offset, next, bytes: kept }]
              })
            // brokers return one batch at least, whatever its size
            const all = Buffer.concat(stored.map(({ bytes }) => bytes))
            const answer = all.subarray(0, Math.max(sizes.next().value as number, stored[0]?.bytes.length ?? 0))
            let whole = 0
            let reached = log.end
            for (const { bytes, next } of stored) {
              whole += bytes.length
              if (whole > answer.length) break
              reached = next
            }
            const aborted = isCleaned
              ? []
              : log.aborted.filter((each) => each.lastOffset >= reader.position && each.firstOffset < reached)
            if (answer.length === 0) break // compaction has left nothing up to the end
            reader.addFetched({
              records: answer,
              abortedTransactions: aborted,
              lastStableOffset: log.end,
              highWatermark: log.end,
            })
            while (reader.bytes > 0) {
              const batch = await reader.next(() => {})
              read.push(...(batch?.records ?? []).map(({ offset }) => offset))
              next = batch?.next ?? -1
            }
            expect(next).toBe(reader.position)
          }
          expect(read).toEqual(log.committed.filter((offset) => offset >= start))
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
