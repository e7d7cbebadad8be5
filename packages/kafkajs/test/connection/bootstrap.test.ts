import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { METADATA } from '../../src/protocol/metadata.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'

/** A request that makes a new client find its cluster. */
function bootstrapping(kafka: FakeBrokers, options = {}) {
  const cluster = kafka.cluster(options)
  return { cluster, outcome: outcomeOf(cluster.refresh([])) }
}
const set = (kafka: FakeBrokers, state: 'up' | 'frozen' | 'refuses' | 'unreachable', ...nodes: number[]) => {
  for (const node of nodes) kafka.broker(node).state = state
}

/** Brokers that do not know any broker yet, not even themselves, until the function that is returned is called. */
function starting(kafka: FakeBrokers, ...nodes: number[]): () => void {
  let isOver = false
  kafka.on(METADATA, (_, node) => ({
    brokers: nodes.includes(node) && !isOver ? [] : kafka.brokers,
    topics: [],
    errorCode: 0,
  }))
  return () => {
    isOver = true
  }
}

describe('a client that looks for its cluster', () => {
  it('sends requests to the first broker, and to no other one', async () => {
    const kafka = new FakeBrokers()
    const { outcome, cluster } = bootstrapping(kafka)
    await kafka.settled()
    expect(outcome.isSettled).toBe(true)
    expect(cluster.brokers).toEqual([1, 2, 3])
    expect(new Set(kafka.opened.map(({ node }) => node))).toEqual(new Set([1]))
    expect(kafka.reports).toEqual([])
  })

  it.each(['frozen', 'unreachable'] as const)(
    'connects to the next broker after half a second if the first is %s',
    async (state) => {
      const kafka = new FakeBrokers()
      set(kafka, state, 1)
      const { cluster } = bootstrapping(kafka)
      await kafka.advance(499)
      expect(cluster.brokers).toEqual([])
      await kafka.advance(1)
      expect(cluster.brokers).toEqual([1, 2, 3])
      expect(kafka.reports).toEqual([])
    },
  )

  it('connects to the next broker at once if the first refuses connections, and reports nothing', async () => {
    const kafka = new FakeBrokers()
    set(kafka, 'refuses', 1, 2)
    const { cluster } = bootstrapping(kafka)
    await kafka.settled()
    expect(cluster.brokers).toEqual([1, 2, 3])
    expect(kafka.reports).toEqual([])
  })

  it('keeps no connection that it needed only to find the brokers', async () => {
    const kafka = new FakeBrokers()
    const { outcome } = bootstrapping(kafka)
    await kafka.settled()
    expect(outcome.isSettled).toBe(true)
    expect(kafka.opened.length).toBe(2)
    expect(kafka.open).toEqual([1])
  })

  it('reports one error with a reason for each broker from the first failure on, and retries', async () => {
    const kafka = new FakeBrokers()
    set(kafka, 'refuses', 1, 2, 3)
    const { outcome, cluster } = bootstrapping(kafka)
    await kafka.settled()
    expect(kafka.reports).toHaveLength(1)
    expect(kafka.reports[0]).toMatchObject({ code: 'LOG_FAILED', retriable: true })
    for (const broker of ['broker-1:9092', 'broker-2:9092', 'broker-3:9092'])
      expect(kafka.reports[0]?.message.split(`connect ECONNREFUSED ${broker}`)).toHaveLength(2)
    expect(kafka.reports[0]?.message).not.toMatch(/LOG_FAILED.*LOG_FAILED/)
    set(kafka, 'up', 3)
    await kafka.advance(100)
    expect(outcome.isSettled).toBe(true)
    expect(cluster.brokers).toEqual([1, 2, 3])
  })

  it('is listed as a problem until it has succeeded', async () => {
    const kafka = new FakeBrokers()
    const { options } = kafka
    set(kafka, 'refuses', 1, 2, 3)
    bootstrapping(kafka, options)
    await kafka.settled()
    expect(options.retries.problems).toEqual([expect.stringContaining('cannot reach any broker')])
    set(kafka, 'up', 1)
    await kafka.advance(100)
    expect(options.retries.problems).toEqual([])
  })

  it('gives up with a retriable error after as many retries as the options say, with longer and longer pauses', async () => {
    const kafka = new FakeBrokers()
    set(kafka, 'refuses', 1, 2, 3)
    const connectRetry = { initialRetryTime: 100, maxRetryTime: 300, retries: 3 }
    const { outcome } = bootstrapping(kafka, { connectRetry })
    await kafka.advance(599)
    expect(outcome.isSettled).toBe(false)
    await kafka.advance(1)
    expect(outcome.error).toMatchObject({ code: 'LOG_FAILED', retriable: true })
    expect(outcome.error?.message).toContain('cannot reach any broker')
    expect(kafka.reports).toHaveLength(3)
  })

  it('fails at once with an error that is not retriable', async () => {
    const kafka = new FakeBrokers()
    const refused = new JoineryError('NOT_AUTHORIZED', 'wrong password')
    kafka.broker(1).state = 'refuses'
    kafka.broker(2).error = refused
    kafka.broker(3).error = refused
    const { outcome } = bootstrapping(kafka)
    await kafka.settled()
    expect(outcome.error).toBe(refused)
    expect([kafka.reports, kafka.clock.nextTimer]).toEqual([[], undefined])
  })

  it('ignores the response of a broker that does not know any broker yet: it connects to the next one', async () => {
    const kafka = new FakeBrokers()
    starting(kafka, 1)
    const { outcome, cluster } = bootstrapping(kafka)
    await kafka.settled()
    expect(cluster.brokers).toEqual([1, 2, 3])
    expect([outcome.isSettled, outcome.error, kafka.reports]).toEqual([true, undefined, []])
  })

  it('waits, and reports it, while no broker knows any', async () => {
    const kafka = new FakeBrokers()
    const { options } = kafka
    const started = starting(kafka, 1, 2, 3)
    const { outcome, cluster } = bootstrapping(kafka, options)
    await kafka.settled()
    expect(options.retries.problems).toEqual([
      expect.stringMatching(/cannot reach any broker: .*broker-1:9092 does not know any broker yet/),
    ])
    started()
    await kafka.advance(100)
    expect([outcome.isSettled, outcome.error]).toEqual([true, undefined])
    expect(cluster.brokers).toEqual([1, 2, 3])
    expect(options.retries.problems).toEqual([])
  })

  it('gives up with a retriable error if no broker knows any', async () => {
    const kafka = new FakeBrokers(1)
    starting(kafka, 1)
    const { outcome } = bootstrapping(kafka, { connectRetry: { initialRetryTime: 1, maxRetryTime: 1, retries: 1 } })
    await kafka.advance(1)
    expect(outcome.error).toMatchObject({ code: 'LOG_FAILED', retriable: true })
  })

  it('fails once for all that wait for it', async () => {
    const kafka = new FakeBrokers()
    set(kafka, 'refuses', 1, 2, 3)
    const cluster = kafka.cluster({ connectRetry: { initialRetryTime: 1, maxRetryTime: 1, retries: 0 } })
    const outcomes = Array.from({ length: 5 }, () => outcomeOf(cluster.leaderOf('t', 0)))
    await kafka.settled()
    expect(new Set(outcomes.map(({ error }) => error)).size).toBe(1)
  })

  it('reports that its own function for brokers fails, and calls it again', async () => {
    const kafka = new FakeBrokers()
    const { bootstrap } = kafka.options
    let calls = 0
    const failingOnce = async () => {
      if (calls++ === 0) throw new JoineryError('LOG_FAILED', 'no discovery', { retriable: true })
      return bootstrap()
    }
    const { outcome } = bootstrapping(kafka, { bootstrap: failingOnce })
    await kafka.settled()
    expect(kafka.reports).toEqual([expect.objectContaining({ message: expect.stringContaining('no discovery') })])
    await kafka.advance(100)
    expect([outcome.isSettled, outcome.error]).toEqual([true, undefined])
  })
})

describe('a client that is closed while it looks for its cluster', () => {
  const closed = expect.objectContaining({ code: 'LOG_CLOSED' })

  it.each(['frozen', 'unreachable'] as const)('waits for no %s broker', async (state) => {
    const kafka = new FakeBrokers()
    set(kafka, state, 1, 2, 3)
    const { outcome, cluster } = bootstrapping(kafka)
    await kafka.advance(1_500)
    await cluster.close()
    await kafka.settled()
    expect(outcome.error).toEqual(closed)
    expect([kafka.open, kafka.clock.nextTimer, kafka.reports]).toEqual([[], undefined, []])
  })

  it('does not wait for the next attempt', async () => {
    const kafka = new FakeBrokers()
    set(kafka, 'refuses', 1, 2, 3)
    const { outcome, cluster } = bootstrapping(kafka)
    await kafka.advance(50)
    await cluster.close()
    await kafka.settled()
    expect(outcome.error).toEqual(closed)
    expect(kafka.clock.nextTimer).toBeUndefined()
  })

  it('does not wait for the function that finds brokers', async () => {
    const kafka = new FakeBrokers()
    const { outcome, cluster } = bootstrapping(kafka, { bootstrap: () => new Promise(() => {}) })
    await kafka.settled()
    await cluster.close()
    await kafka.settled()
    expect(outcome.error).toEqual(closed)
  })

  it('sends nothing afterwards', async () => {
    const kafka = new FakeBrokers()
    const cluster = kafka.cluster()
    await cluster.close()
    await expect(cluster.refresh([])).rejects.toEqual(closed)
    expect(kafka.opened).toEqual([])
  })
})
