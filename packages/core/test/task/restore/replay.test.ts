import { describe, expect, it } from 'vitest'
import type { Batch, LogSource } from '../../../src/log.js'
import { replay } from '../../../src/task/restore/replay.js'

const AT = { topic: 'changelog', partition: 1 }
const never = new AbortController().signal

/** A log whose batches are `offsets`; each ends `gap` behind its last record. */
function logOf(batches: readonly (readonly number[])[], gap = 0) {
  const from: unknown[] = []
  let taken = 0
  const source: Pick<LogSource, 'read'> = {
    async *read(origin) {
      from.push(origin)
      for (const offsets of batches) {
        taken++
        const next = (offsets.at(-1) ?? -1) + 1 + gap
        const records = offsets.map((offset) => ({ ...AT, offset, key: null, value: null, timestamp: 0, headers: [] }))
        yield { records, next, end: 1_000 } satisfies Batch
      }
    },
  }
  return { source, from, taken: () => taken }
}

async function played(log: ReturnType<typeof logOf>, from: number, to: number, signal = never) {
  const offsets: number[] = []
  const pauses: number[] = []
  await replay({
    source: log.source,
    at: AT,
    from,
    to,
    signal,
    each: ({ offset }) => offsets.push(offset),
    afterBatch: async ({ next }) => void pauses.push(next),
  })
  return { offsets, pauses }
}

describe('replaying', () => {
  it('gives the records before an offset, and reads no further', async () => {
    const log = logOf([[0, 1], [2, 3, 4], [5]])
    expect(await played(log, 0, 4)).toEqual({ offsets: [0, 1, 2, 3], pauses: [2, 5] })
    expect([log.from, log.taken()]).toEqual([[{ ...AT, offset: 0 }], 2])
  })

  it('is over when the position has passed markers up to it', async () => {
    const log = logOf([[0, 1], [2, 3], [9]], 1)
    expect(await played(log, 0, 5)).toEqual({ offsets: [0, 1, 2, 3], pauses: [3, 5] })
    expect(log.taken()).toBe(2)
  })

  it.each([
    [4, 4],
    [5, 4],
  ])('from %i to %i asks nobody', async (from, to) => {
    const log = logOf([[4]])
    expect(await played(log, from, to)).toEqual({ offsets: [], pauses: [] })
    expect(log.from).toEqual([])
  })

  it('lets others have their turn after a record, and stops if it was aborted meanwhile', async () => {
    const abort = new AbortController()
    const offsets: number[] = []
    const playing = replay({
      source: logOf([[0, 1, 2, 3]]).source,
      at: AT,
      from: 0,
      to: 4,
      signal: abort.signal,
      each: ({ offset }) => offsets.push(offset),
      pauseIfDue: () => (offsets.length < 2 ? undefined : new Promise((resolve) => setImmediate(resolve))),
    })
    setImmediate(() => abort.abort(new Error('stopped')))
    await expect(playing).rejects.toThrow('stopped')
    expect(offsets).toEqual([0, 1])
  })

  it('says so when it was aborted before it was over', async () => {
    const abort = new AbortController()
    abort.abort(new Error('stopped'))
    await expect(played(logOf([[0]]), 0, 4, abort.signal)).rejects.toThrow('stopped')
  })
})
