import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBrokers } from './fake-brokers.js'
import { HEARTBEAT_MS, REBALANCE_MS, SESSION_MS, TestMember } from './test-member.js'

const ALL = 'assigned 0,1,2,3'
const REVOKED = ['revoking 0,1,2,3', 'revoked']

describe('a member', () => {
  let brokers: FakeBrokers
  let member: TestMember
  const advance = async (ms: number) => {
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(ms)
  }
  beforeEach(() => {
    brokers = new FakeBrokers()
    member = new TestMember(brokers)
  })
  /** The group rebalances. */
  const rebalance = async () => {
    brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
    await advance(HEARTBEAT_MS)
  }

  describe('that joins for the first time', () => {
    it.each([
      ['the request of an id', ['request'], 1],
      ['the response with its id', ['response'], 2],
      ['JoinGroup', ['request', 'request'], 1],
    ] as const)('joins soon when the connection breaks during %s', async (_, faults, ids) => {
      member.client.lose('JoinGroup', ...faults)
      const started = member.membership.start()
      // an id with which no member joins delays the others until the session times out
      await advance(ids === 1 ? 500 : SESSION_MS)
      await started
      expect(member.events).toEqual([ALL])
      expect([...brokers.group.members.keys()]).toEqual([`id-${ids}`])
    })

    it('joins again with the same id when the response of JoinGroup is lost', async () => {
      member.client.lose('JoinGroup', 'stuck')
      const started = member.membership.start()
      await advance(0)
      member.client.lose('JoinGroup', 'response')
      member.client.deliver()
      await advance(200)
      await started
      expect(member.events).toEqual([ALL])
      expect([...brokers.group.members.keys()]).toEqual(['id-1'])
      expect(brokers.group.generation).toBe(1) // the group responds with the generation that it has joined
      expect(member.retried).toHaveLength(1)
    })

    it('joins the next generation when the response of SyncGroup is lost', async () => {
      member.client.lose('SyncGroup', 'response')
      const started = member.membership.start()
      await advance(200)
      await started
      expect(member.events).toEqual([ALL])
      expect([...brokers.group.members.keys()]).toEqual(['id-1'])
      expect(brokers.group.generation).toBe(2) // of a leader
    })
  })

  describe('that has tasks', () => {
    beforeEach(async () => {
      await member.membership.start()
    })

    it.each(['JoinGroup', 'SyncGroup'] as const)('keeps its id when %s is lost', async (api) => {
      for (const fault of ['request', 'response'] as const) {
        await rebalance()
        member.client.lose(api, fault)
        await advance(200)
        await rebalance()
        await advance(200)
        expect(member.events.at(-1)).toBe(ALL)
      }
      expect([...brokers.group.members.keys()]).toEqual(['id-1'])
      expect(member.events).not.toContain('lost')
    })

    it.each(['request', 'response'] as const)('keeps its tasks when the %s of a heartbeat is lost', async (fault) => {
      member.client.lose('Heartbeat', fault, fault, fault)
      await advance(SESSION_MS)
      expect(member.events).toEqual([ALL])
      expect(await member.membership.verify()).toBe('member')
    })

    it('does not know its state when a heartbeat for verifying is lost', async () => {
      member.client.lose('Heartbeat', 'response')
      expect(await member.membership.verify()).toBe('rebalancing')
      expect(member.events).toEqual([ALL])
    })

    it('sends no second heartbeat before it has the response of the first', async () => {
      member.client.lose('Heartbeat', 'stuck')
      const before = brokers.count('Heartbeat')
      await advance(4 * HEARTBEAT_MS)
      expect(brokers.count('Heartbeat') - before).toBe(1)
      member.client.deliver()
      await advance(4 * HEARTBEAT_MS)
      expect(brokers.count('Heartbeat') - before).toBe(5)
      expect(member.events).toEqual([ALL])
    })

    it('gets no tasks back by a late response: the session counts from when the heartbeat was sent', async () => {
      member.client.requestTimeoutMs = 10 * SESSION_MS
      member.client.lose('Heartbeat', 'stuck', 'request', 'request', 'request')
      await advance(2 * SESSION_MS)
      expect(member.events).toEqual([ALL, 'lost'])
      member.client.deliver()
      await advance(HEARTBEAT_MS - 1)
      expect(member.events).toEqual([ALL, 'lost'])
      expect(brokers.group.members.size).toBe(0)
    })

    it('gets no tasks of the current generation by the response to a heartbeat of an earlier one', async () => {
      member.client.lose('Heartbeat', 'stuck')
      const verifying = member.membership.verify()
      await advance(0)
      const { membership } = member
      brokers.group.leave('id-1')
      member.client.cutOff() // the stuck response is lost, too
      member.client.heal()
      expect(await verifying).toBe('rebalancing')
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost', ALL])
      expect(await membership.verify()).toBe('member')
    })

    it('verifies by a heartbeat what a late response of SyncGroup says', async () => {
      member.client.requestTimeoutMs = 10 * SESSION_MS
      member.client.lose('SyncGroup', 'stuck')
      await rebalance()
      const before = brokers.count('Heartbeat')
      await advance(8_000)
      expect(member.events).toEqual([ALL, ...REVOKED])
      member.client.deliver()
      await advance(0)
      expect(brokers.count('Heartbeat') - before).toBe(1)
      expect(member.events).toEqual([ALL, ...REVOKED, ALL])
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, ...REVOKED, ALL])
    })

    it('has no tasks after a response of SyncGroup that arrives when its session has timed out', async () => {
      member.client.requestTimeoutMs = 10 * SESSION_MS
      member.client.lose('SyncGroup', 'stuck')
      await rebalance()
      await advance(2 * SESSION_MS)
      member.client.lose('JoinGroup', 'stuck')
      member.client.deliver()
      await advance(100)
      expect(member.events).toEqual([ALL, ...REVOKED])
      member.client.deliver()
      await advance(100)
      expect(member.events).toEqual([ALL, ...REVOKED, ALL])
      expect([...brokers.group.members.keys()]).toEqual(['id-2'])
    })
  })

  describe('whose coordinator moves', () => {
    beforeEach(async () => {
      await member.membership.start()
    })

    it('keeps its tasks, and continues with the new one', async () => {
      brokers.move()
      await advance(2 * HEARTBEAT_MS)
      expect(brokers.log.slice(-2)).toEqual(['1 one Heartbeat', '2 one Heartbeat'])
      expect(member.events).toEqual([ALL])
    })

    it('joins the new one when the old one has held JoinGroup back', async () => {
      const other = new TestMember(brokers, 'other')
      const started = other.membership.start()
      let release = () => {}
      member.release = () =>
        new Promise((resolve) => {
          release = resolve
        })
      await advance(HEARTBEAT_MS)
      brokers.move()
      member.release = async () => {}
      release()
      await advance(HEARTBEAT_MS * 4)
      await started
      expect([member.running, other.running]).toEqual([
        [0, 1],
        [2, 3],
      ])
      expect(brokers.node).toBe(2)
    })

    it('loses its tasks when the coordinator does not respond, and gets them back when the next one accepts a heartbeat', async () => {
      brokers.freeze()
      await advance((SESSION_MS * 2) / 3)
      expect(member.events).toEqual([ALL])
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost'])
      brokers.move()
      await advance(1_000 + HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost', ALL])
      expect(await member.membership.verify()).toBe('member')
      expect(brokers.group.generation).toBe(1)
      brokers.thaw()
      await advance(3 * SESSION_MS)
      expect(member.events).toEqual([ALL, 'lost', ALL])
    })

    it('keeps its tasks when the next coordinator takes over soon', async () => {
      brokers.freeze()
      await advance(2_000)
      brokers.move()
      await advance(3 * SESSION_MS)
      expect(member.events).toEqual([ALL])
    })

    it('keeps its tasks when the coordinator responds again in time', async () => {
      brokers.freeze()
      await advance(5_000)
      brokers.thaw()
      await advance(3 * SESSION_MS)
      expect(member.events).toEqual([ALL])
      expect(member.retried).toEqual([])
    })

    it.each(['JoinGroup', 'SyncGroup'] as const)(
      'does not wait for a coordinator that does not respond to %s once there is another one',
      async (api) => {
        let isFrozen = false
        member.client.latencyMs = () => {
          if (!isFrozen && (api === 'JoinGroup' || brokers.count('JoinGroup') > 2)) {
            isFrozen = member.events.length === 3
            if (isFrozen) brokers.freeze()
          }
          return 0
        }
        await rebalance()
        await advance(REBALANCE_MS)
        expect(member.events).toEqual([ALL, ...REVOKED])
        brokers.move()
        await advance(2_000)
        expect(member.events).toEqual([ALL, ...REVOKED, ALL])
      },
    )
  })
})
