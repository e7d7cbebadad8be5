import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { consume } from '../../src/app/consume.js'
import { produce } from '../../src/app/produce.js'
import { json, memoryLog, text, topic } from '../../src/index.js'
import type { LogSource } from '../../src/log.js'

const numbers = topic('numbers', { key: text(), value: json<number>() })

async function all<T>(source: AsyncIterable<{ readonly value: T | null }>): Promise<(T | null)[]> {
  const found: (T | null)[] = []
  for await (const { value } of source) found.push(value)
  return found
}

describe('read', () => {
  it('until the end: what is committed when it begins, of every partition, and no more', async () => {
    const log = memoryLog({ partitions: 3 })
    await produce(log, numbers, ...['a', 'b', 'd', 'f', 'k'].map((key, i) => ({ key, value: i })))
    const reading = consume(log, numbers, { until: 'end' })
    const first = await reading.next()
    await produce(log, numbers, { key: 'a', value: 100 }, { key: 'd', value: 101 })
    const rest = await all(reading)
    expect([first.value?.value, ...rest].sort()).toEqual([0, 1, 2, 3, 4])
  })

  it('forgets what it has read, though another partition is silent', async () => {
    setFlagsFromString('--expose_gc')
    const collect = runInNewContext('gc') as () => void
    const log = memoryLog({ partitions: 2 })
    const batches: WeakRef<object>[] = []
    const source: LogSource = {
      describe: (topics) => log.source.describe(topics),
      earliestOffset: (at) => log.source.earliestOffset(at),
      endOffset: (at, kind) => log.source.endOffset(at, kind),
      async *read(from, signal) {
        for await (const batch of log.source.read(from, signal)) {
          const copy = { ...batch }
          batches.push(new WeakRef(copy))
          yield copy
        }
      },
    }
    const stop = new AbortController()
    const reading = consume({ source }, numbers, { signal: stop.signal })
    for (let value = 0; value < 100; value++) {
      await produce(log, numbers, { key: 'a', value })
      expect((await reading.next()).value?.value).toBe(value)
    }
    await expect
      .poll(() => {
        collect()
        return batches.filter((batch) => batch.deref() !== undefined).length
      })
      .toBeLessThan(10)
    stop.abort()
    expect((await reading.next()).done).toBe(true)
  })

  it('of an empty topic until the end is over at once', async () => {
    expect(await all(consume(memoryLog(), numbers, { until: 'end' }))).toEqual([])
    expect(await all(consume(memoryLog(), numbers, { from: 'latest', until: 'end' }))).toEqual([])
  })

  it('goes on until the signal aborts', async () => {
    const log = memoryLog()
    const stop = new AbortController()
    const found: (number | null)[] = []
    const reading = (async () => {
      for await (const { value } of consume(log, numbers, { signal: stop.signal })) found.push(value)
    })()
    await produce(log, numbers, { key: 'a', value: 1 })
    await expect.poll(() => found).toEqual([1])
    await produce(log, numbers, { key: 'a', value: 2 })
    await expect.poll(() => found).toEqual([1, 2])
    stop.abort()
    await reading
  })

  it('from the end: what comes after it', async () => {
    const log = memoryLog()
    await produce(log, numbers, { key: 'a', value: 1 })
    const stop = new AbortController()
    const reading = consume(log, numbers, { from: 'latest', signal: stop.signal })
    const first = reading.next()
    await new Promise(setImmediate) // it has asked for the end
    await produce(log, numbers, { key: 'a', value: 2 })
    expect((await first).value).toMatchObject({ value: 2, origin: { topic: 'numbers', partition: 0, offset: 1 } })
    stop.abort()
    expect((await reading.next()).done).toBe(true)
  })

  it('gives a tombstone as null, and a message as it was sent', async () => {
    const log = memoryLog()
    const headers = [['h', Buffer.from('1')]] as const
    await produce(log, numbers, { key: 'a', value: null }, { key: null, value: 1, timestamp: 7, headers })
    const found = []
    for await (const message of consume(log, numbers, { until: 'end' })) found.push(message)
    expect(found).toEqual([
      {
        key: 'a',
        value: null,
        timestamp: expect.any(Number),
        headers: [],
        origin: { topic: 'numbers', partition: 0, offset: 0 },
      },
      { key: null, value: 1, timestamp: 7, headers, origin: { topic: 'numbers', partition: 0, offset: 1 } },
    ])
  })

  it('ends at what cannot be decoded, and says where it lies', async () => {
    const log = memoryLog()
    await produce(log, numbers, { key: 'a', value: 1 })
    await produce(log, topic('numbers', { key: text(), value: text() }), { key: 'a', value: '{' })
    await expect(all(consume(log, numbers, { until: 'end' }))).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      topic: 'numbers',
      partition: 0,
      offset: 1,
      cause: expect.any(Error),
      message: expect.stringContaining('the value of numbers[0] at offset 1 could not be decoded: the bytes are not'),
    })
  })

  it('says what a schema found wrong', async () => {
    const strict = topic('numbers', { key: text(), value: json(v.object({ n: v.number() })) })
    const log = memoryLog()
    await produce(log, topic('numbers', { key: text(), value: text() }), { key: 'a', value: '{"n":"x"}' })
    await expect(all(consume(log, strict, { until: 'end' }))).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      problems: [expect.stringMatching(/^n: /)],
      message: expect.stringContaining('could not be decoded: the value does not match its schema: n: '),
    })
  })

  it('skips what cannot be decoded if it is asked to, and reports each', async () => {
    const log = memoryLog()
    const raw = topic('numbers', { key: text(), value: text() })
    await produce(log, raw, { key: 'a', value: '1' }, { key: 'a', value: '{' }, { key: 'a', value: '3' })
    const errors: unknown[] = []
    const read = await all(consume(log, numbers, { until: 'end', onDecodeError: (error) => errors.push(error.offset) }))
    expect(read).toEqual([1, 3])
    expect(errors).toEqual([1])
  })

  it('that nobody wants any more ends what it reads', async () => {
    const log = memoryLog({ partitions: 2 })
    const ended: boolean[] = []
    const source: LogSource = {
      describe: (topics) => log.source.describe(topics),
      earliestOffset: (at) => log.source.earliestOffset(at),
      endOffset: (at, kind) => log.source.endOffset(at, kind),
      async *read(from, signal) {
        try {
          yield* log.source.read(from, signal)
        } finally {
          ended.push(signal.aborted)
        }
      },
    }
    await produce(log, numbers, { key: 'a', value: 1 })
    for await (const { value } of consume({ source }, numbers)) {
      expect(value).toBe(1)
      break
    }
    await expect.poll(() => ended).toEqual([true, true])
  })
})
