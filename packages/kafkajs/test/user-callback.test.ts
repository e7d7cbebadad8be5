import type { JoineryError } from '@joinery/core'
import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { kafkaLogWithClock } from '../src/kafka-log.js'
import { userCallback } from '../src/user-callback.js'

/** Nothing listens on port 1. */
const brokers = ['127.0.0.1:1']

describe('a callback of kafkaLog', () => {
  it('is called with its argument', () => {
    const called: number[] = []
    const failed = vi.fn()
    userCallback<number>('onRetry', (argument) => called.push(argument), failed)(7)
    userCallback<number>('onRetry', undefined, failed)(7)
    expect(called).toEqual([7])
    expect(failed).not.toHaveBeenCalled()
  })

  it('that throws is reported as FUNCTION_THREW', () => {
    const cause = new Error('a bug')
    const failures: JoineryError[] = []
    const callback = userCallback<number>(
      'onNotice',
      () => {
        throw cause
      },
      (error) => failures.push(error),
    )
    callback(7)
    expect(failures).toEqual([
      expect.objectContaining({
        code: 'FUNCTION_THREW',
        retriable: false,
        cause,
        message: expect.stringContaining('onNotice'),
      }),
    ])
  })
})

it('an onRetry that throws ends every read from the log, also one that begins later', async () => {
  const clock = new ManualClock()
  let calls = 0
  const onRetry = () => {
    calls++
    throw new Error('a bug')
  }
  await using log = kafkaLogWithClock({ brokers, onRetry }, clock)
  const read = async () => {
    for await (const _ of log.source.read({ topic: 'orders', partition: 0, offset: 0 }, new AbortController().signal));
  }
  const failure = expect.objectContaining({
    code: 'FUNCTION_THREW',
    message: expect.stringContaining('onRetry of kafkaLog threw'),
    cause: expect.objectContaining({ message: 'a bug' }),
  })
  await expect(read()).rejects.toEqual(failure)
  expect(calls).toBe(1)
  await expect(read()).rejects.toEqual(failure)
})
