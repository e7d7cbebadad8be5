import { describe, expect, it } from 'vitest'
import { json, memoryLog, read, send, text, topic } from '../../src/index.js'

const numbers = topic('numbers', { key: text(), value: json<number>() })

async function all<T>(source: AsyncIterable<{ readonly value: T | null }>): Promise<(T | null)[]> {
  const found: (T | null)[] = []
  for await (const { value } of source) found.push(value)
  return found
}

describe('read', () => {
  it('until the end: what is committed when it begins, of every partition, and no more', async () => {
    const log = memoryLog({ partitions: 3 })
    await send(log, numbers, ...['a', 'b', 'd', 'f', 'k'].map((key, i) => ({ key, value: i })))
    const reading = read(log, numbers, { until: 'end' })
    const first = await reading.next()
    await send(log, numbers, { key: 'a', value: 100 }, { key: 'd', value: 101 })
    const rest = await all(reading)
    expect([first.value?.value, ...rest].sort()).toEqual([0, 1, 2, 3, 4])
  })

  it('of an empty topic until the end is over at once', async () => {
    expect(await all(read(memoryLog(), numbers, { until: 'end' }))).toEqual([])
    expect(await all(read(memoryLog(), numbers, { from: 'latest', until: 'end' }))).toEqual([])
  })

  it('goes on until the signal aborts', async () => {
    const log = memoryLog()
    const stop = new AbortController()
    const found: (number | null)[] = []
    const reading = (async () => {
      for await (const { value } of read(log, numbers, { signal: stop.signal })) found.push(value)
    })()
    await send(log, numbers, { key: 'a', value: 1 })
    await expect.poll(() => found).toEqual([1])
    await send(log, numbers, { key: 'a', value: 2 })
    await expect.poll(() => found).toEqual([1, 2])
    stop.abort()
    await reading
  })
})
