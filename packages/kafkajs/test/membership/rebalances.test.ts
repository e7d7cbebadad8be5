import { beforeEach, describe, expect, it } from 'vitest'
import { CODE } from '../../src/protocol/error-codes.js'
import { FakeBrokers } from './fake-brokers.js'
import { HEARTBEAT_MS, SESSION_MS, TestMember } from './test-member.js'

const ALL = 'assigned 0,1,2,3'
const REVOKED = ['revoking 0,1,2,3', 'revoked']

describe('a rebalance', () => {
  let brokers: FakeBrokers
  let one: TestMember
  const advance = async (ms: number) => {
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(ms)
  }
  /** A member of the group that joins when its first heartbeat is due at the latest. */
  const join = async (name: string): Promise<TestMember> => {
    const member = new TestMember(brokers, name)
    const started = member.membership.start()
    await advance(2 * HEARTBEAT_MS)
    await started
    return member
  }
  /** The tasks of a member take until then to stop. */
  const releasing = (member: TestMember): (() => Promise<void>) => {
    let released = () => {}
    member.release = () =>
      new Promise((resolve) => {
        released = resolve
      })
    return async () => {
      released()
      await brokers.clock.yieldToEventLoop()
    }
  }
  beforeEach(async () => {
    brokers = new FakeBrokers()
    one = await join('one')
  })

  describe('of several members', () => {
    it('revokes all tasks, and the leader assigns them evenly; those that stay continue', async () => {
      const kept = one.membership.owned(0)
      const gone = one.membership.owned(3)
      const two = await join('two')
      expect(one.events).toEqual([ALL, ...REVOKED, 'assigned 0,1'])
      expect(two.events).toEqual(['assigned 2,3'])
      expect(one.membership.owned(0)).toBe(kept)
      expect(kept?.generation).toEqual({ memberId: 'id-1', generationId: 2 })
      expect(gone?.generation).toBeUndefined()
      expect(await one.membership.verify()).toBe('member')
      expect(await two.membership.verify()).toBe('member')
    })

    it('assigns partition p of all topics to one member', async () => {
      const two = await join('two')
      const decoded = Array.from(brokers.group.members.values(), ({ assignment }) => assignment.toString('latin1'))
      for (const assignment of decoded) expect(assignment).toMatch(/events.*rows/s)
      expect([...one.running, ...two.running].sort()).toEqual([0, 1, 2, 3])
    })

    it('follows when a third member joins, and when one leaves', async () => {
      const two = await join('two')
      const three = await join('three')
      const all = () => [one, two, three].map(({ running }) => running.length)
      expect(all()).toEqual([2, 1, 1])
      await one.leave()
      await advance(2 * HEARTBEAT_MS)
      expect(all()).toEqual([0, 2, 2])
      expect([...two.running, ...three.running].sort()).toEqual([0, 1, 2, 3])
    })

    it('follows when a member is silent for its session, which has lost its tasks before', async () => {
      const two = await join('two')
      two.client.cutOff()
      await advance(SESSION_MS - HEARTBEAT_MS)
      expect([one.running, two.running, two.events.at(-1)]).toEqual([[0, 1], [], 'lost'])
      await advance(2 * HEARTBEAT_MS)
      expect(one.running).toEqual([0, 1, 2, 3])
    })

    it('waits for the tasks of all members', async () => {
      const release = releasing(one)
      const two = new TestMember(brokers, 'two')
      const started = two.membership.start()
      await advance(3_000)
      expect([one.events, two.events]).toEqual([[ALL, 'revoking 0,1,2,3'], []])
      await release()
      await started
      expect([one.running, two.running]).toEqual([
        [0, 1],
        [2, 3],
      ])
    })

    it('begins again when a member joins while another one completes it', async () => {
      const two = new TestMember(brokers, 'two')
      two.client.lose('JoinGroup', 'stuck', 'stuck')
      const started = [two.membership.start()]
      await advance(HEARTBEAT_MS)
      two.client.deliver() // its id
      await advance(HEARTBEAT_MS)
      expect(brokers.group.state).toBe('stable')
      const three = new TestMember(brokers, 'three')
      started.push(three.membership.start())
      await advance(HEARTBEAT_MS)
      expect(brokers.group.state).toBe('preparing rebalance')
      two.client.deliver() // a generation that is over
      await advance(HEARTBEAT_MS)
      await Promise.all(started)
      expect([one.running, two.running, three.running].map((tasks) => tasks.length)).toEqual([2, 1, 1])
      expect(two.retried).toEqual([])
    })
  })

  describe('is noticed', () => {
    it('by a member, which revokes its tasks before it joins', async () => {
      const release = releasing(one)
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      const joins = brokers.count('JoinGroup')
      await advance(HEARTBEAT_MS)
      expect([one.events, brokers.count('JoinGroup')]).toEqual([[ALL, 'revoking 0,1,2,3'], joins])
      await release()
      expect(one.events).toEqual([ALL, ...REVOKED, ALL])
    })

    it('by a member that verifies', async () => {
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      expect(await one.membership.verify()).toBe('rebalancing')
      await advance(0)
      expect(one.events).toEqual([ALL, ...REVOKED, ALL])
    })

    it('by a member that has lost its tasks, which joins at once', async () => {
      one.client.cutOff()
      await advance(7_000)
      one.client.heal()
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      await advance(HEARTBEAT_MS)
      expect(one.events).toEqual([ALL, 'lost', ALL])
      expect(brokers.group.generation).toBe(2)
    })

    it('by a member that joins', async () => {
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      brokers.respond('JoinGroup', 'REBALANCE_IN_PROGRESS', 'NONE', 'REBALANCE_IN_PROGRESS')
      brokers.respond('SyncGroup', 'REBALANCE_IN_PROGRESS')
      await advance(HEARTBEAT_MS)
      expect(await one.membership.verify()).toBe('rebalancing')
      await advance(200)
      expect(one.events).toEqual([ALL, ...REVOKED, ALL])
      expect(one.retried).toEqual([])
    })
  })

  describe('while a member revokes its tasks', () => {
    let release: () => Promise<void>
    beforeEach(async () => {
      release = releasing(one)
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      await advance(HEARTBEAT_MS)
      expect(one.events).toEqual([ALL, 'revoking 0,1,2,3'])
    })

    it('sends heartbeats, so that the group waits', async () => {
      const before = brokers.count('Heartbeat')
      await advance(2_000)
      expect(brokers.count('Heartbeat') - before).toBe(2_000 / HEARTBEAT_MS)
      expect(await one.membership.verify()).toBe('rebalancing')
      expect(brokers.count('Heartbeat') - before).toBe(2_000 / HEARTBEAT_MS)
    })

    it.each([
      ['NONE', 'member'],
      ['REBALANCE_IN_PROGRESS', 'member'],
      ['UNKNOWN_MEMBER_ID', 'lost'],
      ['ILLEGAL_GENERATION', 'lost'],
      ['COORDINATOR_NOT_AVAILABLE', 'rebalancing'],
    ] as const)('may commit as a member if the group waits for it: %s means %s', async (code, expected) => {
      const before = brokers.count('Heartbeat')
      brokers.respond('Heartbeat', code)
      expect(await one.membership.verifyForCommit()).toBe(expected)
      expect(brokers.count('Heartbeat')).toBe(before + 1)
      expect(await one.membership.verify()).toBe('rebalancing')
    })

    it('may not commit as a member before it has joined again', async () => {
      brokers.respond('JoinGroup', ...Array.from({ length: 10 }, () => 'COORDINATOR_NOT_AVAILABLE' as const))
      await release()
      const before = brokers.count('Heartbeat')
      expect(await one.membership.verifyForCommit()).toBe('rebalancing')
      expect(brokers.count('Heartbeat')).toBe(before)
    })

    it('gets no task back by a heartbeat that the group accepts', async () => {
      await advance(2_000)
      expect(one.events).toEqual([ALL, 'revoking 0,1,2,3'])
      await release()
      expect(one.events).toEqual([ALL, ...REVOKED, ALL])
    })

    it('does not delay the group for more than half a session', async () => {
      await advance(SESSION_MS / 2)
      expect(one.events).toEqual([ALL, 'revoking 0,1,2,3', ALL])
    })

    it.each([
      ['UNKNOWN_MEMBER_ID', ''],
      ['ILLEGAL_GENERATION', 'id-1'],
    ] as const)('loses them at once when the response is %s, and joins with the id %j', async (code, id) => {
      brokers.respond('Heartbeat', code)
      const joins = brokers.count('JoinGroup')
      await advance(HEARTBEAT_MS)
      expect(one.events).toEqual([ALL, 'revoking 0,1,2,3', 'lost'])
      await release()
      expect(brokers.requests.filter(({ api }) => api === 'JoinGroup')[joins]?.request).toMatchObject({ memberId: id })
    })

    it('fails if the tasks cannot stop', async () => {
      await release()
      one.release = () => Promise.reject(new Error('cannot stop'))
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      const joins = brokers.count('JoinGroup')
      await advance(HEARTBEAT_MS)
      expect(one.failure?.message).toBe('cannot stop')
      await advance(SESSION_MS)
      expect(brokers.count('JoinGroup')).toBe(joins)
    })

    it('publishes the last offsets before it joins', async () => {
      one.membership.publish(0, new Map([['rows', 4]]))
      await release()
      const order = brokers.log.map((entry) => entry.split(' ').at(-1))
      expect(order.slice(order.lastIndexOf('OffsetCommit')).slice(0, 2)).toEqual(['OffsetCommit', 'JoinGroup'])
    })
  })

  it('that a member notices late ends its ownership two thirds of a session after the last accepted heartbeat', async () => {
    one.client.cutOff()
    await advance(4_000)
    one.client.heal()
    releasing(one)
    brokers.respond('Heartbeat', ...Array.from({ length: 20 }, () => 'REBALANCE_IN_PROGRESS' as const))
    await advance((SESSION_MS * 2) / 3 - 4_000)
    expect(one.events).toEqual([ALL, 'revoking 0,1,2,3'])
    await advance(HEARTBEAT_MS)
    expect(one.events).toEqual([ALL, 'revoking 0,1,2,3', 'lost'])
  })

  it('that a member has missed ends its ownership, although it gets the same tasks again', async () => {
    const before = one.membership.owned(0)
    brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
    one.client.lose('SyncGroup', 'response') // the leader: generation 2 has begun
    await advance(HEARTBEAT_MS + 200)
    expect(brokers.group.generation).toBe(3)
    expect(one.events).toEqual([ALL, ...REVOKED, ALL])
    expect(before?.generation).toBeUndefined()
    expect(one.membership.owned(0)?.generation).toEqual({ memberId: 'id-1', generationId: 3 })
  })

  it('that finds no tasks to revoke joins at once', async () => {
    brokers.partitions = 0
    brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
    await advance(HEARTBEAT_MS)
    expect(one.events).toEqual([ALL, ...REVOKED, 'assigned '])
    brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
    await advance(HEARTBEAT_MS)
    expect(one.events.slice(4)).toEqual(['assigned '])
    expect(brokers.group.commit('id-1', 3)).toBe(CODE.NONE)
  })
})
