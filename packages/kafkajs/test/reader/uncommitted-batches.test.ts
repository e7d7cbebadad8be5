import { describe, expect, it } from 'vitest'
import { RecordBatchBuilder } from '../../src/protocol/record-batch/record-batch-builder.js'
import {
  type UncommittedBatch,
  type UncommittedRange,
  uncommittedBatches,
} from '../../src/reader/uncommitted-batches.js'
import { ScriptedKafka } from '../writer/scripted-kafka.js'

const TIMEOUT_MS = 12_000

function reading() {
  const kafka = new ScriptedKafka({ a: 1 })
  const log = kafka.log('a/0')
  /** Appends a batch with these values. */
  const append = (producerId: bigint, values: readonly string[], codec: 'none' | 'gzip' = 'none') => {
    const builder = new RecordBatchBuilder()
    for (const value of values) builder.add(null, Buffer.from(value), 0, [])
    return log.append(builder.close({ producerId, epoch: 0, baseSequence: 0, isTransactional: true }, codec))
  }
  const batches = (from: number, to: number, more: Partial<UncommittedRange> = {}) =>
    uncommittedBatches(kafka.cluster, { topic: 'a', partition: 0, from, to, timeoutMs: TIMEOUT_MS, ...more })
  return { kafka, log, append, batches }
}
const all = async (batches: AsyncIterable<UncommittedBatch>): Promise<string[]> => {
  const found: string[] = []
  for await (const { baseOffset, next, producerId, isControl, records } of batches) {
    const content = isControl ? 'marker' : records().map(({ value }) => String(value))
    found.push(`${baseOffset}-${next - 1} of ${producerId}: ${content}`)
  }
  return found
}

describe('the batches between two offsets', () => {
  it('are those of open, aborted and committed transactions, and markers', async () => {
    const { log, append, batches } = reading()
    append(7n, ['committed', 'too'])
    log.mark(7n, 'commit')
    append(8n, ['aborted'])
    log.mark(8n, 'abort')
    append(9n, ['open'])
    expect(await all(batches(0, 6))).toEqual([
      '0-1 of 7: committed,too',
      '2-2 of 7: marker',
      '3-3 of 8: aborted',
      '4-4 of 8: marker',
      '5-5 of 9: open',
    ])
  })

  it('begin with the one that contains the first offset, and end before the last offset', async () => {
    const { append, batches } = reading()
    for (const producerId of [1n, 2n, 3n, 4n]) append(producerId, ['a', 'b'])
    expect(await all(batches(3, 6))).toEqual(['2-3 of 2: a,b', '4-5 of 3: a,b'])
    expect(await all(batches(3, 5))).toEqual(['2-3 of 2: a,b', '4-5 of 3: a,b'])
  })

  it('are none, without a request, if there is nothing between the offsets', async () => {
    const { kafka, append, batches } = reading()
    append(1n, ['a'])
    expect(await all(batches(1, 1))).toEqual([])
    expect(kafka.history).toEqual([])
  })

  it('are fetched by as many requests as it takes', async () => {
    const { kafka, append, batches } = reading()
    kafka.maxFetchBytes = 1
    for (const producerId of [1n, 2n, 3n]) append(producerId, ['a'])
    expect(await all(batches(0, 3))).toEqual(['0-0 of 1: a', '1-1 of 2: a', '2-2 of 3: a'])
    expect(kafka.count('Fetch')).toBe(3)
  })

  it('leave a hole where compaction has removed one, also at the end', async () => {
    const { log, append, batches } = reading()
    for (const producerId of [1n, 2n, 3n, 4n, 5n]) append(producerId, ['a'])
    for (const offset of [1, 3]) log.compact(offset)
    expect(await all(batches(0, 4))).toEqual(['0-0 of 1: a', '2-2 of 3: a'])
  })

  it('are decompressed', async () => {
    const { append, batches } = reading()
    append(1n, ['a'.repeat(1_000)], 'gzip')
    expect(await all(batches(0, 1))).toEqual([`0-0 of 1: ${'a'.repeat(1_000)}`])
  })

  it('have the offsets of their records', async () => {
    const { append, batches } = reading()
    append(1n, ['a', 'b'])
    append(1n, ['c'])
    const offsets: number[] = []
    for await (const batch of batches(0, 3)) offsets.push(...batch.records().map(({ offset }) => offset))
    expect(offsets).toEqual([0, 1, 2])
  })
})

describe('reading between two offsets', () => {
  it('waits for what the leader does not have yet', async () => {
    const { kafka, append, batches } = reading()
    append(1n, ['a'])
    kafka.onRequest = () => kafka.count('Fetch') === 4 && append(2n, ['b'])
    expect(await all(batches(0, 2))).toEqual(['0-0 of 1: a', '1-1 of 2: b'])
  })

  it.each([1, 3, 5, 6, 74, 75])('sends the request to the current leader after code %i', async (code) => {
    const { kafka, append, batches } = reading()
    append(1n, ['a'])
    kafka.faults.Fetch = [code, code]
    expect(await all(batches(0, 1))).toEqual(['0-0 of 1: a'])
    expect(kafka.refreshed).toEqual([['a'], ['a']])
  })

  it.each(['request lost', 'response lost'] as const)('repeats a request: %s', async (fault) => {
    const { kafka, append, batches } = reading()
    append(1n, ['a'])
    kafka.faults.Fetch = [fault]
    expect(await all(batches(0, 1))).toEqual(['0-0 of 1: a'])
  })

  it.each([29, 35, -1])('does not repeat a request after code %i', async (code) => {
    const { kafka, batches } = reading()
    kafka.faults.Fetch = [code]
    await expect(all(batches(0, 1))).rejects.toMatchObject({
      code,
      topic: 'a',
      message: expect.stringContaining('Fetch of a[0]'),
    })
    expect(kafka.count('Fetch')).toBe(1)
  })

  it('is a retriable error if the leader does not have them in time', async () => {
    const { kafka, append, batches } = reading()
    append(1n, ['a'])
    const began = kafka.clock.monotonic()
    await expect(all(batches(0, 2))).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      topic: 'a',
      partition: 0,
      offset: 1,
      message: expect.stringContaining('could not read a[0] from offset 1 to 2'),
    })
    expect(kafka.clock.monotonic() - began).toBeGreaterThanOrEqual(TIMEOUT_MS)
    expect(kafka.clock.monotonic() - began).toBeLessThan(TIMEOUT_MS + 200)
  })

  it('is the last error if there is no leader in time', async () => {
    const { kafka, batches } = reading()
    const began = kafka.clock.monotonic()
    kafka.faults.Fetch = Array.from({ length: 10_000 }, () => 6)
    await expect(all(batches(0, 1))).rejects.toMatchObject({ code: 6 })
    expect(kafka.clock.monotonic() - began).toBeLessThan(TIMEOUT_MS + 200)
  })

  it('reports a batch that is corrupt', async () => {
    const { log, append, batches } = reading()
    append(1n, ['a'])
    const bytes = log.entries[0]?.bytes as Buffer
    bytes[bytes.length - 1] = 77
    await expect(all(batches(0, 1))).rejects.toMatchObject({ code: 'RECORDS_CORRUPT', topic: 'a' })
  })
})
