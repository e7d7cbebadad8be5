import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { shutdownSignal } from '../../src/index.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('aborts at the first request, takes one right after for the same, and leaves the next to the process', () => {
  const before = process.listenerCount('SIGTERM')
  const signal = shutdownSignal('SIGTERM')
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  process.emit('SIGTERM', 'SIGTERM')
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toBe('SIGTERM')
  process.emit('SIGTERM', 'SIGTERM')
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  vi.advanceTimersByTime(500)
  expect(process.listenerCount('SIGTERM')).toBe(before)
})
