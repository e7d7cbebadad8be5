import { beforeEach, describe, expect, it } from 'vitest'
import { FakeBrokers } from './fake-brokers.js'
import { HEARTBEAT_MS, REBALANCE_MS, SESSION_MS, TestMember } from './test-member.js'

const ALL = 'assigned 0,1,2,3'

describe('a member leaves', () => {
  let brokers: FakeBrokers
  let member: TestMember
  const advance = async (ms: number) => {
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(ms)
  }
  const members = () => [...brokers.group.members.keys()]
  /** Neither requests nor calls follow. */
  const hasEnded = async () => {
    const { length } = brokers.log
    const events = [...member.events]
    member.client.deliver()
    await advance(3 * SESSION_MS + REBALANCE_MS)
    expect(brokers.log.slice(length)).toEqual([])
    expect(member.events).toEqual(events)
    expect(await member.membership.verify()).toBe('lost')
    expect(member.failure).toBeUndefined()
    expect(brokers.clock.nextTimer).toBeUndefined()
  }
  beforeEach(() => {
    brokers = new FakeBrokers()
    member = new TestMember(brokers)
  })

  describe('that joins', () => {
    it('before it has an id: the group does not wait for it', async () => {
      member.client.lose('JoinGroup', 'stuck')
      const started = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await advance(0)
      const left = member.leave()
      await started
      await advance(0)
      member.client.deliver()
      await left
      expect(brokers.log).toEqual(['1 one JoinGroup', '1 one LeaveGroup'])
      expect(brokers.last('LeaveGroup')).toMatchObject({ members: [{ memberId: 'id-1' }] })
      await hasEnded()
    })

    it('while the coordinator holds JoinGroup back, over another connection', async () => {
      const other = new TestMember(brokers, 'other')
      await other.membership.start()
      other.release = () => new Promise(() => {})
      const started = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await advance(HEARTBEAT_MS)
      expect(members()).toEqual(['id-1', 'id-2'])
      await member.leave()
      await started
      expect(brokers.log.at(-1)).toBe('1 one LeaveGroup')
      expect(members()).toEqual(['id-1'])
      await other.leave()
      await hasEnded()
    })

    it.each(['JoinGroup', 'SyncGroup'] as const)('while %s has no response', async (api) => {
      member.client.lose(api, ...(api === 'JoinGroup' ? (['request'] as const) : []), 'stuck')
      const started = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await advance(100)
      const left = member.leave()
      await started
      await advance(0)
      member.client.deliver()
      await left
      expect(members()).toEqual([])
      await hasEnded()
    })

    it('during the pause after a failure', async () => {
      brokers.respond('JoinGroup', 'NONE', 'COORDINATOR_LOAD_IN_PROGRESS')
      const started = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await advance(50)
      await member.leave()
      await started
      expect(brokers.log.at(-1)).toBe('1 one LeaveGroup')
      expect(member.retries.problems).toEqual([])
      await hasEnded()
    })

    it('and has never reached a broker', async () => {
      member.client.cutOff()
      const started = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
      await advance(50)
      await member.leave()
      await started
      await hasEnded()
    })
  })

  describe('that has joined', () => {
    beforeEach(async () => {
      await member.membership.start()
    })

    it('with its tasks: it publishes its last offsets first', async () => {
      member.membership.publish(0, new Map([['events', 7]]))
      await member.leave()
      expect(brokers.log.slice(-2)).toEqual(['1 one OffsetCommit', '1 one LeaveGroup'])
      expect(members()).toEqual([])
      expect(member.events).toEqual([ALL])
      member.membership.publish(0, new Map([['events', 8]]))
      await hasEnded()
    })

    it('once, and the second call waits for the first', async () => {
      member.client.lose('LeaveGroup', 'stuck')
      const first = member.leave()
      let isLeft = false
      const second = member.leave().then(() => {
        isLeft = true
      })
      await advance(100)
      expect(isLeft).toBe(false)
      member.client.deliver()
      await Promise.all([first, second])
      expect(brokers.count('LeaveGroup')).toBe(1)
    })

    it('while a heartbeat verifies its membership', async () => {
      member.client.lose('Heartbeat', 'stuck')
      const verifying = member.membership.verify()
      await advance(0)
      await member.leave()
      member.client.deliver()
      expect(await verifying).toBe('rebalancing')
      await hasEnded()
    })

    it('while it revokes its tasks', async () => {
      member.release = () => new Promise(() => {})
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      await advance(HEARTBEAT_MS)
      expect(member.events).toEqual([ALL, 'revoking 0,1,2,3'])
      await member.leave()
      expect(members()).toEqual([])
      await hasEnded()
    })

    it('while it joins again, and JoinGroup is held back: it publishes and leaves over another connection', async () => {
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      member.client.lose('JoinGroup', 'stuck')
      member.membership.publish(0, new Map([['events', 7]]))
      brokers.respond('OffsetCommit', 'COORDINATOR_NOT_AVAILABLE')
      await advance(HEARTBEAT_MS)
      const commits = brokers.count('OffsetCommit')
      await member.leave()
      expect(brokers.count('OffsetCommit')).toBe(commits + 1)
      expect(members()).toEqual([])
      await hasEnded()
    })

    it('after it has lost its tasks', async () => {
      member.client.cutOff()
      await advance(7_000)
      expect(member.events).toEqual([ALL, 'lost'])
      member.client.heal()
      await member.leave()
      expect(members()).toEqual([])
      await hasEnded()
    })

    it('after it has failed', async () => {
      brokers.respond('Heartbeat', 'REBALANCE_IN_PROGRESS')
      brokers.respond('JoinGroup', 'GROUP_AUTHORIZATION_FAILED')
      await advance(HEARTBEAT_MS)
      expect(member.failure).toMatchObject({ code: 'NOT_AUTHORIZED' })
      member.failure = undefined
      await member.leave()
      expect(members()).toEqual([])
      await hasEnded()
    })

    it.each([
      ['responds', () => brokers.freeze()],
      ['can be reached', () => member.client.cutOff()],
    ])('although no broker %s, within 5 s', async (_, begin) => {
      member.membership.publish(0, new Map([['events', 7]]))
      begin()
      const left = member.leave()
      await advance(5_000)
      await left
      expect(members()).toEqual(['id-1'])
    })

    it('so that the others need not wait for its session', async () => {
      const other = new TestMember(brokers, 'other')
      const started = other.membership.start()
      await advance(HEARTBEAT_MS)
      await started
      await member.leave()
      await advance(HEARTBEAT_MS)
      expect(other.running).toEqual([0, 1, 2, 3])
    })
  })
})
