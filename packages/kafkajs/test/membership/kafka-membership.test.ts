import type { JoineryError } from '@joinery/core'
import { ManualClock } from '@joinery/core/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import { KafkaMembership } from '../../src/membership/kafka-membership.js'
import { FakeKafka, groupAnswers } from './fake-kafka.js'

const SESSION_MS = 9_000
const HEARTBEAT_MS = 500
const REBALANCE_MS = 30_000

describe('a membership', () => {
  let clock: ManualClock
  let kafka: FakeKafka
  let told: string[]
  let retried: JoineryError[]
  let revoke: () => Promise<void>
  let membership: KafkaMembership
  let failed: Error | undefined

  beforeEach(() => {
    clock = new ManualClock()
    kafka = new FakeKafka()
    told = []
    retried = []
    failed = undefined
    revoke = async () => {}
    membership = new KafkaMembership(
      'group',
      ['input'],
      {
        assigned: (tasks) => told.push(`assigned ${tasks.join()}`),
        revoked: async (tasks) => {
          told.push(`revoking ${tasks.join()}`)
          await revoke()
          told.push('revoked')
        },
        lost: () => told.push('lost'),
        ownedTasks: () => [0, 1],
        failed: (error) => {
          failed = error
        },
      },
      {
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: REBALANCE_MS,
        heartbeatIntervalMs: HEARTBEAT_MS,
        publishIntervalMs: 1_000,
        clock,
        kafka: kafka.kafka,
        check: async () => {},
        retries: new OngoingRetries((error) => retried.push(error)),
      },
    )
  })
  afterEach(async () => {
    await membership.leave()
  })

  /** Timers that are about to be set count, too. */
  const advance = async (ms: number) => {
    await clock.yieldToEventLoop()
    await clock.advance(ms)
  }
  const silent = () => {
    kafka.heartbeat = async () => {
      throw new Error('no broker')
    }
  }
  const answering = () => {
    kafka.heartbeat = async () => {}
  }

  it('is told its tasks, pauses them all, and proves itself by a heartbeat', async () => {
    await membership.start()
    expect(told).toEqual(['assigned 0,1'])
    expect(kafka.log).toEqual(['join', 'pause'])
    expect(await membership.verify()).toBe('member')
    expect(kafka.log.at(-1)).toBe('heartbeat')
  })

  it.each(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE'])(
    'waits for what passes by itself: %s',
    async (type) => {
      kafka.failures.push(groupAnswers(type), groupAnswers(type))
      const started = membership.start()
      await advance(5_000)
      await started
      expect(told).toEqual(['assigned 0,1'])
      expect(retried.map(({ code, retriable }) => [code, retriable])).toEqual([
        ['LOG_FAILED', true],
        ['LOG_FAILED', true],
      ])
    },
  )

  it.each([
    ['GROUP_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED', 'group group'],
    ['INCONSISTENT_GROUP_PROTOCOL', 'OPTION_INVALID', 'another application name'],
    ['INVALID_SESSION_TIMEOUT', 'OPTION_INVALID', 'sessionTimeout'],
  ])('does not begin where only people can help: %s is %s', async (type, code, words) => {
    kafka.failures.push(groupAnswers(type))
    await expect(membership.start()).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
  })

  it('does not try for ever to begin', async () => {
    for (let i = 0; i < 100; i++) kafka.failures.push(groupAnswers('GROUP_COORDINATOR_NOT_AVAILABLE'))
    const started = membership.start()
    const outcome = expect(started).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    await advance(60_000)
    await outcome
  })

  it('that kafkajs gave up loses its tasks, and joins again until it works', async () => {
    await membership.start()
    for (let i = 0; i < 20; i++) kafka.failures.push(new Error('no broker'))
    kafka.crash(new TypeError('a bug in kafkajs'))
    await advance(10_000)
    expect(told).toEqual(['assigned 0,1', 'lost'])
    expect(await membership.verify()).toBe('rebalancing')
    await advance(120_000)
    expect(told).toEqual(['assigned 0,1', 'lost', 'assigned 0,1'])
    expect(await membership.verify()).toBe('member')
    expect(failed).toBeUndefined()
  })

  it('that may not join again ends with an error that says so', async () => {
    await membership.start()
    kafka.failures.push(groupAnswers('GROUP_AUTHORIZATION_FAILED'))
    kafka.crash(new Error('no broker'))
    await advance(10_000)
    expect(failed).toMatchObject({ code: 'NOT_AUTHORIZED' })
    expect(kafka.log.filter((entry) => entry === 'join').length).toBe(1)
  })

  it('without an answer for two thirds of its session loses its tasks, before others can have them', async () => {
    await membership.start()
    silent()
    await advance(SESSION_MS / 2)
    expect(told).toEqual(['assigned 0,1'])
    await advance(SESSION_MS / 2 - HEARTBEAT_MS)
    expect(told).toEqual(['assigned 0,1', 'lost'])
  })

  it('has its tasks back when the group answers that it never went: a broker was away, nobody else was there', async () => {
    await membership.start()
    silent()
    await advance(SESSION_MS)
    answering()
    await advance(2 * HEARTBEAT_MS)
    expect(told).toEqual(['assigned 0,1', 'lost', 'assigned 0,1'])
    expect(await membership.verify()).toBe('member')
  })

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])(
    'loses its tasks at once when a heartbeat of kafkajs answers %s',
    async (type) => {
      await membership.start()
      kafka.heartbeat = async () => {
        throw groupAnswers(type)
      }
      await expect(kafka.beat()).rejects.toThrow(type)
      expect(told).toEqual(['assigned 0,1', 'lost'])
      expect(await membership.verify()).toBe('lost')
    },
  )

  it('counts freshness from when kafkajs sent its heartbeats, and only asks itself when kafkajs does not', async () => {
    await membership.start()
    for (let ms = 0; ms < 3 * SESSION_MS; ms += HEARTBEAT_MS) {
      await kafka.beat()
      await advance(HEARTBEAT_MS)
    }
    expect(told).toEqual(['assigned 0,1'])
    expect(kafka.log.filter((entry) => entry === 'heartbeat').length).toBe((3 * SESSION_MS) / HEARTBEAT_MS)
    await advance(3 * SESSION_MS)
    expect(told).toEqual(['assigned 0,1'])
  })

  it('gives tasks up before kafkajs joins again; the group waits', async () => {
    await membership.start()
    kafka.assignment = { input: [0] }
    let flushed = () => {}
    revoke = () =>
      new Promise((resolve) => {
        flushed = resolve
      })
    const joined = kafka.join()
    await advance(2_000)
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1'])
    expect(await membership.verify()).toBe('rebalancing')
    expect(kafka.log.filter((entry) => entry === 'heartbeat').length).toBeGreaterThan(1)
    flushed()
    await joined
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked', 'assigned 0'])
  })

  it('has its tasks back when kafkajs joins in vain, and the group answers that nothing has changed', async () => {
    await membership.start()
    await kafka.joinInVain()
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked'])
    expect(await membership.verify()).toBe('rebalancing')
    await advance(1)
    await kafka.beat()
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked', 'assigned 0,1'])
    expect(await membership.verify()).toBe('member')
  })

  it('has no tasks back by a heartbeat from before it gave them up, or while it does', async () => {
    await membership.start()
    let answers = () => {}
    kafka.heartbeat = () =>
      new Promise((resolve) => {
        answers = resolve
      })
    const early = kafka.beat()
    await advance(0)
    const answersEarly = answers
    answering()
    let flushed = () => {}
    revoke = () =>
      new Promise((resolve) => {
        flushed = resolve
      })
    const joining = kafka.joinInVain()
    await kafka.beat()
    await advance(2 * HEARTBEAT_MS)
    flushed()
    await joining
    answersEarly()
    await early
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked'])
  })

  it('does not hold the group up for more than half a session', async () => {
    await membership.start()
    revoke = () => new Promise(() => {})
    const joined = kafka.join()
    await advance(SESSION_MS / 2)
    await joined
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'assigned 0,1'])
  })

  it('replaces a consumer that neither joins nor ends', async () => {
    await membership.start()
    kafka.heartbeat = async () => {
      if (kafka.generation === 1) throw groupAnswers('UNKNOWN_MEMBER_ID')
    }
    await advance(SESSION_MS + REBALANCE_MS)
    expect(told).toEqual(['assigned 0,1', 'lost'])
    await advance(10_000)
    expect(told).toEqual(['assigned 0,1', 'lost', 'assigned 0,1'])
    expect(retried.length).toBe(1)
  })

  it('is told that its tasks are lost when it hangs in a join, and hears nothing of the consumer that was replaced', async () => {
    await membership.start()
    const find = kafka.finder()
    const coordinator = await find() // it joins, and is not answered
    await advance(SESSION_MS + REBALANCE_MS + 2 * HEARTBEAT_MS)
    const replaced = ['assigned 0,1', 'revoking 0,1', 'revoked', 'lost', 'assigned 0,1']
    expect(told).toEqual(replaced)
    await expect(find()).rejects.toThrow('was replaced')
    await coordinator.syncGroup({ memberId: 'member-9', generationId: 9 })
    expect(await membership.verify()).toBe('member')
    membership.publish(0, new Map([['input', 7]]))
    await membership.leave()
    expect(kafka.committed).toMatchObject([{ memberId: 'member-2', groupGenerationId: 2 }])
    expect(told).toEqual(replaced)
  })

  it('tells its last offsets when it leaves, and hears nothing any more', async () => {
    await membership.start()
    membership.publish(0, new Map([['input', 7]]))
    membership.publish(5, new Map([['input', 9]])) // not its task
    await membership.leave()
    expect(kafka.committed).toEqual([
      {
        groupId: 'group',
        groupGenerationId: 1,
        memberId: 'member-1',
        topics: [{ topic: 'input', partitions: [{ partition: 0, offset: '7' }] }],
      },
    ])
    kafka.crash(new Error('too late'))
    await advance(SESSION_MS + REBALANCE_MS)
    expect(told).toEqual(['assigned 0,1'])
  })

  it('leaves though no broker answers', async () => {
    await membership.start()
    kafka.disconnecting(() => new Promise(() => {}))
    const left = membership.leave()
    await advance(5_000)
    await left
  })
})
