import { describe, expect, it } from 'vitest'
import { TransactionSize } from '../../src/writer/transaction-size.js'

const KIB = 2 ** 10
const TIMEOUT_MS = 30_000
const freely = (bytes: number, endedAt = 0) => ({ bytes, tookMs: 10, throttledMs: 0, endedAt })

describe('the size of transactions', () => {
  it('is at most 48 KiB for the first one after a start', () => {
    expect(new TransactionSize(TIMEOUT_MS).maxBytes).toBe(48 * KIB)
  })

  it('grows while none is throttled, up to 4 MiB', () => {
    const size = new TransactionSize(TIMEOUT_MS)
    const sizes = [size.maxBytes]
    for (let i = 0; i < 10; i++) {
      size.committed(freely(size.maxBytes))
      sizes.push(size.maxBytes)
    }
    for (const [i, each] of sizes.entries()) if (i > 0) expect(each).toBeGreaterThanOrEqual(sizes[i - 1] as number)
    expect(sizes[1]).toBeGreaterThan(48 * KIB)
    expect(sizes.at(-1)).toBe(4 * 2 ** 20)
  })

  it('grows by transactions that take less than their estimate, which is an upper bound', () => {
    const size = new TransactionSize(TIMEOUT_MS)
    for (let i = 0; i < 10; i++) size.committed(freely(0.4 * size.maxBytes))
    expect(size.maxBytes).toBe(4 * 2 ** 20)
  })

  it('does not grow by transactions that are much smaller than it allows', () => {
    const size = new TransactionSize(TIMEOUT_MS)
    for (let i = 0; i < 10; i++) size.committed(freely(1 * KIB))
    expect(size.maxBytes).toBe(48 * KIB)
  })

  it('is what goes through in half of the timeout, once one was throttled', () => {
    const size = new TransactionSize(TIMEOUT_MS)
    for (let i = 0; i < 10; i++) size.committed(freely(size.maxBytes))
    size.committed({ bytes: 100_000, tookMs: 1_000, throttledMs: 9_000, endedAt: 0 }) // 10 000 bytes a second
    expect(size.maxBytes).toBe(150_000)
  })

  it('grows again when the quota is raised', () => {
    const size = new TransactionSize(TIMEOUT_MS)
    size.committed({ bytes: 10_000, tookMs: 1_000, throttledMs: 9_000, endedAt: 0 })
    expect(size.maxBytes).toBe(15_000)
    size.committed(freely(15_000))
    expect(size.maxBytes).toBeGreaterThan(15_000)
  })

  it('does not grow by what passes without a throttle time after a pause: brokers average over 11 s', () => {
    const timeoutMs = 10_000
    const rate = 10 // bytes per millisecond
    const largest = (rate * timeoutMs) / 2
    const size = new TransactionSize(timeoutMs)
    for (let i = 0; i < 10; i++) size.committed(freely(size.maxBytes))
    size.committed({ bytes: 100_000, tookMs: 0, throttledMs: 100_000 / rate, endedAt: 0 })
    expect(size.maxBytes).toBe(largest)
    for (let pause = 1; pause <= 20; pause++) {
      // two transactions at once, after a minute without any
      for (let i = 0; i < 2; i++) size.committed(freely(size.maxBytes, pause * 60_000))
      expect(size.maxBytes).toBe(largest)
    }
  })

  it('reaches 4 MiB again when there is no quota any longer', () => {
    const size = new TransactionSize(10_000)
    size.committed({ bytes: 10_000, tookMs: 1_000, throttledMs: 9_000, endedAt: 0 })
    for (let i = 1; i <= 300; i++) size.committed(freely(size.maxBytes, i * 100))
    expect(size.maxBytes).toBe(4 * 2 ** 20)
  })

  it.each([1, 50, 10_000])(
    'never allows a longer time than the timeout at a steady rate of %s bytes a second',
    (rate) => {
      const size = new TransactionSize(TIMEOUT_MS)
      for (let i = 0; i < 50; i++) {
        const bytes = Math.max(1, Math.floor(size.maxBytes))
        const throttledMs = (bytes / rate) * 1_000
        if (i > 2) expect(throttledMs).toBeLessThanOrEqual(Math.max(TIMEOUT_MS / 2, 1_000 / rate))
        size.committed({ bytes, tookMs: 0, throttledMs, endedAt: 0 })
      }
    },
  )
})
