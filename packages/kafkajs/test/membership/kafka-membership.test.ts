import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBrokers } from './fake-brokers.js'
import { HEARTBEAT_MS, SESSION_MS, TestMember, THAT_NEED_A_PERSON } from './test-member.js'

const ALL = 'assigned 0,1,2,3'
describe('a membership', () => {
  let brokers: FakeBrokers
  let member: TestMember
  /** What is under way counts, too. */
  const advance = async (ms: number) => {
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(ms)
  }
  beforeEach(() => {
    brokers = new FakeBrokers()
    member = new TestMember(brokers)
  })

  describe('with tasks', () => {
    beforeEach(async () => {
      await member.membership.start()
    })

    it('verifies its membership by a heartbeat', async () => {
      expect(await member.membership.verify()).toBe('member')
      expect(brokers.log.at(-1)).toBe('1 one Heartbeat')
      expect(brokers.last('Heartbeat')).toMatchObject({ groupId: 'group', generationId: 1, memberId: 'id-1' })
    })

    it('sends a heartbeat at each interval, and keeps its tasks', async () => {
      await advance(4 * SESSION_MS)
      expect(brokers.count('Heartbeat')).toBe((4 * SESSION_MS) / HEARTBEAT_MS)
      expect(member.events).toEqual([ALL])
    })

    it('loses its tasks after two thirds of its session without an accepted heartbeat, before others can have them', async () => {
      member.client.cutOff()
      await advance((SESSION_MS * 2) / 3)
      expect(member.events).toEqual([ALL])
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost'])
      expect(brokers.group.members.size).toBe(1)
      expect(member.membership.owned(0)).toBeUndefined()
    })

    it('reports heartbeats that fail until one is accepted', async () => {
      member.client.cutOff()
      await advance(2 * HEARTBEAT_MS)
      expect(member.retried).toMatchObject([{ code: 'LOG_FAILED' }, { code: 'LOG_FAILED' }])
      expect(member.retries.problems).toHaveLength(1)
      member.client.heal()
      await advance(HEARTBEAT_MS)
      expect(member.retries.problems).toEqual([])
    })

    it('gets its tasks back when the group accepts a heartbeat after all', async () => {
      member.client.cutOff()
      await advance(SESSION_MS - 2 * HEARTBEAT_MS)
      const { members } = brokers.group
      expect([members.size, member.events.at(-1)]).toEqual([1, 'lost'])
      member.client.heal()
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost', ALL])
      expect(await member.membership.verify()).toBe('member')
      expect(brokers.group.generation).toBe(1)
    })

    it('gets its tasks back by verifying, too', async () => {
      member.client.cutOff()
      await advance(7_000)
      expect(await member.membership.verify()).toBe('rebalancing')
      member.client.heal()
      expect(await member.membership.verify()).toBe('member')
      expect(member.events).toEqual([ALL, 'lost', ALL])
    })

    it.each([
      ['UNKNOWN_MEMBER_ID', ''],
      ['ILLEGAL_GENERATION', 'id-1'],
    ] as const)('loses its tasks at once when the response is %s, and joins with the id %j', async (code, id) => {
      brokers.respond('Heartbeat', code)
      const before = brokers.count('JoinGroup')
      await advance(HEARTBEAT_MS)
      expect(member.events.slice(0, 2)).toEqual([ALL, 'lost'])
      const next = brokers.requests.filter(({ api }) => api === 'JoinGroup')[before]
      expect(next?.request).toMatchObject({ memberId: id })
    })

    it.each(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'] as const)('is lost when it verifies: %s', async (code) => {
      brokers.respond('Heartbeat', code)
      expect(await member.membership.verify()).toBe('lost')
      expect(member.events.slice(0, 2)).toEqual([ALL, 'lost'])
    })

    it('joins as a new member after its session has timed out', async () => {
      member.client.cutOff()
      await advance(2 * SESSION_MS)
      expect(brokers.group.state).toBe('empty')
      member.client.heal()
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'lost', ALL])
      expect([...brokers.group.members.keys()]).toEqual(['id-2'])
    })

    it('joins again until that succeeds', async () => {
      brokers.respond('Heartbeat', 'ILLEGAL_GENERATION')
      brokers.respond('JoinGroup', ...Array.from({ length: 20 }, () => 'COORDINATOR_NOT_AVAILABLE' as const))
      await advance(10_000)
      expect(member.events).toEqual([ALL, 'lost'])
      expect(await member.membership.verify()).toBe('rebalancing')
      expect(member.retries.problems).toHaveLength(1)
      await advance(120_000)
      expect(member.events).toEqual([ALL, 'lost', ALL])
      expect(await member.membership.verify()).toBe('member')
      expect(member.retried).toHaveLength(20)
      expect([member.failure, member.retries.problems]).toEqual([undefined, []])
    })

    it.each(THAT_NEED_A_PERSON)('fails when joining again fails with %s: %s', async (error, code) => {
      brokers.respond('Heartbeat', 'UNKNOWN_MEMBER_ID')
      brokers.respond('JoinGroup', error)
      await advance(10_000)
      expect(member.failure).toMatchObject({ code })
      expect(await member.membership.verify()).toBe('lost')
      const { length } = brokers.log
      await advance(60_000)
      expect(brokers.log.length).toBe(length)
    })

    it('fails when it is no longer allowed to use the group', async () => {
      brokers.respond('Heartbeat', 'GROUP_AUTHORIZATION_FAILED')
      brokers.respond('JoinGroup', 'GROUP_AUTHORIZATION_FAILED')
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'revoking 0,1,2,3', 'revoked'])
      expect(member.failure).toMatchObject({ code: 'NOT_AUTHORIZED' })
    })

    it('fails when brokers no longer support heartbeats: joining again would succeed each time', async () => {
      member.client.unsupported = ['Heartbeat']
      await advance(HEARTBEAT_MS)
      expect(member.failure).toMatchObject({ code: 'CLIENT_UNSUPPORTED', retriable: false })
      await advance(60_000)
      expect([brokers.count('JoinGroup'), brokers.count('SyncGroup')]).toEqual([2, 1]) // of the start
      expect(await member.membership.verify()).toBe('lost')
      await member.leave()
    })

    it('fails when brokers no longer support heartbeats while a task is opened', async () => {
      member.client.unsupported = ['Heartbeat']
      expect(await member.membership.verify()).not.toBe('member')
      expect(member.failure).toMatchObject({ code: 'CLIENT_UNSUPPORTED' })
    })

    it('publishes offsets in its generation', async () => {
      member.membership.publish(0, new Map([['events', 7]]))
      member.membership.publish(5, new Map([['events', 9]])) // not its task
      await advance(1_000)
      expect(brokers.last('OffsetCommit')).toMatchObject({
        ...{ groupId: 'group', generationIdOrMemberEpoch: 1, memberId: 'id-1' },
        topics: [{ name: 'events', partitions: [{ partitionIndex: 0, committedOffset: 7 }] }],
      })
    })

    it('does not publish offsets from before a generation that it has missed: others may have later ones', async () => {
      member.client.cutOff()
      member.membership.publish(0, new Map([['events', 7]]))
      await advance(2 * SESSION_MS)
      member.client.heal()
      await advance(HEARTBEAT_MS)
      member.membership.publish(1, new Map([['events', 8]]))
      await advance(1_000)
      expect(brokers.last('OffsetCommit')).toMatchObject({
        topics: [{ name: 'events', partitions: [{ partitionIndex: 1, committedOffset: 8 }] }],
      })
    })
  })
})
