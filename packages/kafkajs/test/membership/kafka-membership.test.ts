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

  it('gets its tasks, pauses their partitions, and verifies its membership by a heartbeat', async () => {
    await membership.start()
    expect(told).toEqual(['assigned 0,1'])
    expect(kafka.log).toEqual(['join', 'pause'])
    expect(await membership.verify()).toBe('member')
    expect(kafka.log.at(-1)).toBe('heartbeat')
  })

  it.each(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE'])(
    'retries a temporary failure of the first join: %s',
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
  ])(
    'does not retry a failure of the first join that persists until a person acts: %s is %s',
    async (type, code, words) => {
      kafka.failures.push(groupAnswers(type))
      await expect(membership.start()).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
    },
  )

  it('does not retry the first join forever', async () => {
    for (let i = 0; i < 100; i++) kafka.failures.push(groupAnswers('GROUP_COORDINATOR_NOT_AVAILABLE'))
    const started = membership.start()
    const outcome = expect(started).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    await advance(60_000)
    await outcome
  })

  it('loses its tasks when kafkajs gives up, and joins again until that succeeds', async () => {
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

  it('fails when it is not allowed to join again', async () => {
    await membership.start()
    kafka.failures.push(groupAnswers('GROUP_AUTHORIZATION_FAILED'))
    kafka.crash(new Error('no broker'))
    await advance(10_000)
    expect(failed).toMatchObject({ code: 'NOT_AUTHORIZED' })
    expect(kafka.log.filter((entry) => entry === 'join').length).toBe(1)
  })

  it('loses its tasks after two thirds of its session without an accepted heartbeat, before others can have them', async () => {
    await membership.start()
    silent()
    await advance(SESSION_MS / 2)
    expect(told).toEqual(['assigned 0,1'])
    await advance(SESSION_MS / 2 - HEARTBEAT_MS)
    expect(told).toEqual(['assigned 0,1', 'lost'])
  })

  it('gets its tasks back when the group accepts a heartbeat after all: a broker was down, and no member took over', async () => {
    await membership.start()
    silent()
    await advance(SESSION_MS)
    answering()
    await advance(2 * HEARTBEAT_MS)
    expect(told).toEqual(['assigned 0,1', 'lost', 'assigned 0,1'])
    expect(await membership.verify()).toBe('member')
  })

  it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])(
    'loses its tasks at once when the response to a heartbeat of kafkajs is %s',
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

  it('counts from when kafkajs sent its heartbeats, and sends its own only when kafkajs does not', async () => {
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

  it('revokes its tasks before kafkajs joins again, and the group waits', async () => {
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

  it('gets its tasks back when kafkajs fails to join, and the group accepts a heartbeat of the same generation', async () => {
    await membership.start()
    await kafka.joinInVain()
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked'])
    expect(await membership.verify()).toBe('rebalancing')
    await advance(1)
    await kafka.beat()
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'revoked', 'assigned 0,1'])
    expect(await membership.verify()).toBe('member')
  })

  it('gets no tasks back by a heartbeat that was sent before they were revoked, or meanwhile', async () => {
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

  it('does not delay the group for more than half a session', async () => {
    await membership.start()
    revoke = () => new Promise(() => {})
    const joined = kafka.join()
    await advance(SESSION_MS / 2)
    await joined
    expect(told).toEqual(['assigned 0,1', 'revoking 0,1', 'assigned 0,1'])
  })

  it('replaces a consumer that neither joins nor crashes', async () => {
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

  it('loses its tasks when its consumer hangs in a join, and ignores the consumer that was replaced', async () => {
    await membership.start()
    const find = kafka.finder()
    const coordinator = await find() // it joins, and gets no response
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

  it('publishes its last offsets when it leaves, and ignores what happens later', async () => {
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

  it('leaves although no broker responds', async () => {
    await membership.start()
    kafka.disconnecting(() => new Promise(() => {}))
    const left = membership.leave()
    await advance(5_000)
    await left
  })
})
