import type { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { Coordinator } from '../../src/connection/coordinator.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import { FakeBrokers } from '../support/fake-brokers.js'

const REQUEST = { groupId: 'app', generationId: 1, memberId: 'm' }

/** A cluster whose requests a test settles. */
function scripted() {
  const clock: ManualClock = new FakeBrokers().clock
  const lookups = { node: 1, count: 0, error: undefined as Error | undefined }
  const abandoned: string[] = []
  const sent: { readonly node: number; settle(error?: Error): void }[] = []
  const cluster = {
    clock,
    coordinatorOf: async () => {
      lookups.count++
      if (lookups.error !== undefined) throw lookups.error
      return lookups.node
    },
    request: (node: number) =>
      new Promise((resolve, reject) => {
        sent.push({ node, settle: (error) => (error === undefined ? resolve({ errorCode: 0 }) : reject(error)) })
      }),
    abandon: (node: number, channel: string) => void abandoned.push(`${node}/${channel}`),
  } as unknown as KafkaCluster
  const coordinator = new Coordinator(cluster, 'group', 'app')
  const send = () => {
    const outcome = coordinator.request('main', HEARTBEAT, REQUEST)
    outcome.catch(() => {}) // each test awaits it
    return outcome
  }
  const sendToLeader = (leader: number) => {
    const outcome = coordinator.requestLeader(leader, 'main', HEARTBEAT, REQUEST)
    outcome.catch(() => {}) // each test awaits it
    return outcome
  }
  return { clock, lookups, sent, abandoned, coordinator, send, sendToLeader }
}

/** Lets what is due happen. */
const settle = (clock: ManualClock) => clock.yieldToEventLoop()

describe('the coordinator', () => {
  it('is looked up once', async () => {
    const { clock, lookups, sent, send } = scripted()
    const first = send()
    await settle(clock)
    sent[0]?.settle()
    await first
    const second = send()
    await settle(clock)
    sent[1]?.settle()
    await second
    expect(sent.map(({ node }) => node)).toEqual([1, 1])
    expect(lookups.count).toBe(1)
  })

  it('is looked up again after it was forgotten, and after a request without a response', async () => {
    const { clock, lookups, sent, coordinator, send } = scripted()
    const lost = send()
    await settle(clock)
    sent[0]?.settle(new Error('the connection was lost'))
    await expect(lost).rejects.toThrow('the connection was lost')
    lookups.node = 2
    const second = send()
    await settle(clock)
    sent[1]?.settle()
    await second
    coordinator.forget()
    lookups.node = 3
    send()
    await settle(clock)
    expect(sent.map(({ node }) => node)).toEqual([1, 2, 3])
  })

  it('fails a request without a response within a second of another broker taking over', async () => {
    const { clock, lookups, sent, send } = scripted()
    const request = send()
    await settle(clock)
    await clock.advance(5_000)
    lookups.node = 2
    await clock.advance(1_000)
    await expect(request).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('from broker 1, which did not respond, to broker 2'),
    })
    send()
    await settle(clock)
    expect(sent.map(({ node }) => node)).toEqual([1, 2])
  })

  it('keeps a request whose coordinator stays, or cannot be looked up', async () => {
    const { clock, lookups, sent, send } = scripted()
    const request = send()
    await settle(clock)
    lookups.error = new Error('no broker responds')
    await clock.advance(3_000)
    lookups.error = undefined
    await clock.advance(3_000)
    sent[0]?.settle()
    expect(await request).toEqual({ errorCode: 0 })
  })

  it('is not queried after the response', async () => {
    const { clock, lookups, sent, send } = scripted()
    const request = send()
    await settle(clock)
    sent[0]?.settle()
    await request
    await clock.advance(60_000)
    expect(lookups.count).toBe(1)
  })
})

describe('a request to a leader that waits for the coordinator', () => {
  const moved = {
    code: 'LOG_FAILED',
    retriable: true,
    message: expect.stringContaining('from broker 1, which did not respond, to broker 2'),
  }

  it('fails, and its connection is closed, within a second of another broker taking over', async () => {
    const { clock, lookups, abandoned, coordinator, sendToLeader } = scripted()
    await coordinator.find()
    const request = sendToLeader(3)
    await clock.advance(5_000)
    expect(abandoned).toEqual([])
    lookups.node = 2
    await clock.advance(1_000)
    await expect(request).rejects.toMatchObject(moved)
    expect(abandoned).toEqual(['3/main'])
  })

  it.each([
    ['stays', undefined],
    ['cannot be looked up', new Error('no broker responds')],
  ])('is kept while the coordinator %s', async (_, error) => {
    const { clock, lookups, sent, abandoned, coordinator, sendToLeader } = scripted()
    await coordinator.find()
    const request = sendToLeader(3)
    lookups.error = error
    await clock.advance(5_000)
    sent[0]?.settle()
    expect(await request).toEqual({ errorCode: 0 })
    lookups.error = undefined
    lookups.node = 2
    await clock.advance(5_000)
    expect(abandoned).toEqual([])
  })

  it('fails if the coordinator moves that was found first after it was sent', async () => {
    const { clock, lookups, abandoned, sendToLeader } = scripted()
    const request = sendToLeader(3)
    await clock.advance(2_000)
    lookups.node = 2
    await clock.advance(1_000)
    await expect(request).rejects.toMatchObject(moved)
    expect(abandoned).toEqual(['3/main'])
  })

  it('fails once more if it was sent so soon after the move that the leader may not have known of it', async () => {
    const { clock, lookups, sent, abandoned, coordinator, sendToLeader } = scripted()
    await coordinator.find()
    const first = sendToLeader(3)
    lookups.node = 2
    await clock.advance(1_000)
    await expect(first).rejects.toMatchObject(moved)
    const second = sendToLeader(3)
    await clock.advance(1_000)
    await expect(second).rejects.toMatchObject(moved)
    const third = sendToLeader(3)
    await clock.advance(5_000)
    sent[2]?.settle()
    expect(await third).toEqual({ errorCode: 0 })
    expect(abandoned).toEqual(['3/main', '3/main'])
  })
})
