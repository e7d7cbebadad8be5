import { Socket } from 'node:net'
import type { JoineryError } from '@joinery/core'
import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it, vi } from 'vitest'
import { kafkaLogWithClock } from '../src/kafka-log.js'

/** Nothing listens on port 1. */
const brokers = ['127.0.0.1:1']
const PAUSES_MS = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]

function connecting() {
  const clock = new ManualClock()
  const reported: JoineryError[] = []
  const log = kafkaLogWithClock({ brokers, onRetry: (error) => reported.push(error) }, clock)
  const failed = log.source.describe(['orders']).then(
    () => undefined,
    (error: JoineryError) => error,
  )
  const retries = (count: number) => vi.waitFor(() => expect(reported).toHaveLength(count))
  return { clock, log, reported, failed, retries }
}

describe('a log that reaches no broker', () => {
  it('reports each attempt that is retried, with the broker, and lists the problem', async () => {
    const { clock, log, reported, retries } = connecting()
    await retries(1)
    await clock.advance(100)
    await retries(2)
    expect(reported[1]).toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringMatching(/cannot reach any broker: .*127\.0\.0\.1:1/),
    })
    expect(log.problems?.()).toEqual([expect.stringContaining('cannot reach any broker')])
    await log[Symbol.asyncDispose]()
  })

  it('gives up after about 26 s', async () => {
    const { clock, log, reported, failed, retries } = connecting()
    for (const [index, pauseMs] of PAUSES_MS.entries()) {
      await retries(index + 1)
      await clock.advance(pauseMs)
    }
    expect(await failed).toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('127.0.0.1:1'),
    })
    expect(reported).toHaveLength(PAUSES_MS.length)
    expect(log.problems?.()).toEqual([])
    await log[Symbol.asyncDispose]()
  })

  it('stops at once when it is closed, and does not report that', async () => {
    const { clock, log, reported, failed, retries } = connecting()
    await retries(1)
    await log[Symbol.asyncDispose]()
    expect(await failed).toMatchObject({ code: 'LOG_CLOSED', retriable: false })
    expect(log.problems?.()).toEqual([])
    expect(clock.nextTimer).toBeUndefined()
    await clock.advance(60_000)
    expect(reported).toHaveLength(1)
  })

  it('stops at once when it is closed while a connection is being opened', async () => {
    const clock = new ManualClock()
    let isOpening = false
    const log = kafkaLogWithClock(
      {
        brokers,
        socketFactory: () => {
          isOpening = true
          return new Socket() // which never connects
        },
      },
      clock,
    )
    const failed = log.source.describe(['orders']).catch((error: unknown) => error)
    await vi.waitFor(() => expect(isOpening).toBe(true))
    await log[Symbol.asyncDispose]()
    expect(await failed).toMatchObject({ code: 'LOG_CLOSED' })
  })
})
