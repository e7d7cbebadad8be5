import { describe, expect, it } from 'vitest'
import { memoryLog, systemClock } from '../../src/index.js'
import type { Batch, LogRecord, LogSource, ReadPosition } from '../../src/log.js'
import { anchoredClock } from '../../src/task/anchored-clock.js'
import { InputPartition } from '../../src/task/input-partition.js'

function record(offset: number, timestamp = offset, key: string | null = 'k'): LogRecord {
  return {
    topic: 't',
    partition: 0,
    offset,
    key: key === null ? null : Buffer.from(key),
    value: null,
    timestamp,
    headers: [],
  }
}

/** A source that yields what it is given, one batch each time it is asked, and then waits. */
class ScriptedSource {
  readonly asked: number[] = []
  from: ReadPosition | undefined
  readonly #batches: readonly Batch[]

  constructor(batches: readonly Batch[]) {
    this.#batches = batches
  }

  get source(): LogSource {
    return { read: (from: ReadPosition, signal: AbortSignal) => this.#read(from, signal) } as unknown as LogSource
  }

  async *#read(from: ReadPosition, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    this.from = from
    for (const [i, batch] of this.#batches.entries()) {
      if (signal.aborted) return
      this.asked.push(i)
      yield batch
    }
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  }
}

async function started(batches: readonly Batch[], next = 0) {
  const script = new ScriptedSource(batches)
  const input = new InputPartition('t', 0, 0, next)
  let arrivals = 0
  const failures: unknown[] = []
  input.start(
    script.source,
    () => arrivals++,
    (error) => failures.push(error),
  )
  await expect.poll(() => arrivals).toBeGreaterThan(0)
  return { input, script, failures, arrivals: () => arrivals }
}

const offsets = (records: readonly LogRecord[]) => records.map(({ offset }) => offset)

describe('an input', () => {
  it('reads from its position, and knows nothing before the first batch', async () => {
    const script = new ScriptedSource([])
    const input = new InputPartition('t', 0, 3, 17)
    expect([input.headTimestamp, input.lag, input.next, input.rank]).toEqual([undefined, undefined, 17, 3])
    input.start(
      script.source,
      () => {},
      () => {},
    )
    await expect.poll(() => script.from?.offset).toBe(17)
    await input.stop()
  })

  it('offers the head, and moves its position behind what was processed', async () => {
    const { input } = await started([{ records: [record(3, 30), record(5, 50)], next: 9, end: 9 }], 2)
    expect([input.headTimestamp, input.next]).toEqual([30, 2])
    input.advance(1)
    expect([input.headTimestamp, input.next]).toEqual([50, 4])
    input.advance(1) // also passes what is no record
    expect([input.headTimestamp, input.next]).toEqual([undefined, 9])
    await input.stop()
  })

  it('has the leader epoch of what it has passed, and continues with it', async () => {
    const { input } = await started([
      { records: [record(1), record(3)], next: 4, end: 9, leaderEpoch: 1 },
      { records: [], next: 9, end: 9, leaderEpoch: 2 },
    ])
    expect([input.next, input.leaderEpoch]).toEqual([0, undefined])
    input.advance(1)
    expect([input.next, input.leaderEpoch]).toEqual([2, 1])
    input.advance(1)
    await expect.poll(() => [input.next, input.leaderEpoch]).toEqual([9, 2])
    await input.stop()
    const script = new ScriptedSource([])
    const { next, leaderEpoch } = input
    const again = new InputPartition('t', 0, 0, next, leaderEpoch)
    again.start(
      script.source,
      () => {},
      () => {},
    )
    await expect.poll(() => script.from).toEqual({ topic: 't', partition: 0, offset: 9, leaderEpoch: 2 })
    await again.stop()
  })

  it('passes batches without records', async () => {
    const { input } = await started([{ records: [], next: 4, end: 6 }])
    expect([input.next, input.lag, input.headTimestamp]).toEqual([4, 2, undefined])
    await input.stop()
  })

  it('does not pass an empty batch before the records in front of it', async () => {
    const { input } = await started([
      { records: [record(0)], next: 1, end: 5 },
      { records: [], next: 5, end: 5 },
    ])
    expect([input.next, input.lag]).toEqual([0, 4])
    input.advance(1)
    await expect.poll(() => input.next).toBe(5)
    await input.stop()
  })

  it('counts the lag from what was fetched, not from what was processed', async () => {
    const { input } = await started([{ records: [record(0), record(1)], next: 2, end: 10 }])
    expect(input.lag).toBe(8)
    await input.stop()
  })

  it('gives records up to a timestamp, and at least one', async () => {
    const batch = { records: [record(0, 10), record(1, 20), record(2, 20), record(3, 30)], next: 4, end: 4 }
    const { input } = await started([batch])
    expect(offsets(input.peek(10, 20, false))).toEqual([0])
    expect(offsets(input.peek(10, 20, true))).toEqual([0, 1, 2])
    expect(offsets(input.peek(2, Number.POSITIVE_INFINITY, false))).toEqual([0, 1])
    expect(offsets(input.peek(10, 5, false))).toEqual([0])
    expect(offsets(input.peek(10, Number.POSITIVE_INFINITY, false))).toEqual([0, 1, 2, 3])
    input.advance(1)
    expect(offsets(input.peek(10, 25, false))).toEqual([1, 2])
    await input.stop()
  })

  it('stops at a record that is out of order, where another input is due before it', async () => {
    const { input } = await started([{ records: [record(0, 10), record(1, 50), record(2, 5)], next: 3, end: 3 }])
    expect(offsets(input.peek(10, 20, false))).toEqual([0])
    await input.stop()
  })

  it('knows whether its next record has a key', async () => {
    const { input } = await started([{ records: [record(0, 0, 'a'), record(1, 0, null)], next: 2, end: 2 }])
    expect([input.isNext(Buffer.from('a')), input.isNext(Buffer.from('b')), input.isNext(null)]).toEqual([
      true,
      false,
      false,
    ])
    input.advance(1)
    expect([input.isNext(Buffer.from('a')), input.isNext(null)]).toEqual([false, false])
    input.advance(1)
    expect(input.isNext(Buffer.from('a'))).toBe(false)
    await input.stop()
  })

  it('holds one batch decoded, and takes the next when it is processed', async () => {
    const batches = Array.from({ length: 5 }, (_, i) => ({ records: [record(i)], next: i + 1, end: 5 }))
    const { input, script, arrivals } = await started(batches)
    expect(script.asked).toEqual([0])
    input.advance(1)
    await expect.poll(arrivals).toBe(2)
    expect(script.asked).toEqual([0, 1])
    await input.stop()
  })

  it('tells when reading fails, but not when it was stopped', async () => {
    const log = memoryLog()
    const failures: unknown[] = []
    const beyond = new InputPartition('t', 0, 0, 5)
    beyond.start(
      log.source,
      () => {},
      (error) => failures.push(error),
    )
    await expect.poll(() => failures).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE' }])
    await beyond.stop()
    const { input, failures: none } = await started([{ records: [record(0)], next: 1, end: 1 }])
    await input.stop()
    expect(none).toEqual([])
    expect(input.headTimestamp).toBeUndefined()
  })

  it('stops while it holds back', async () => {
    const batches = Array.from({ length: 5 }, (_, i) => ({ records: [record(i)], next: i + 1, end: 5 }))
    const { input, script } = await started(batches)
    await input.stop()
    expect(script.asked).toEqual([0])
  })
})

describe('an anchored clock', () => {
  it('follows the wall clock of the start, and does not step with it', () => {
    let [now, monotonic] = [1_000_000, 500.5]
    const time = anchoredClock({ ...systemClock, now: () => now, monotonic: () => monotonic })
    expect(time()).toBe(1_000_000)
    now -= 3_600_000
    monotonic += 10.25
    expect(time()).toBe(1_000_010)
  })
})
