import { beforeEach, describe, expect, it } from 'vitest'
import { CODE } from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { FakeBrokers } from './fake-brokers.js'
import { lost } from './fake-client.js'
import { REBALANCE_MS, SESSION_MS, TestMember, THAT_NEED_A_PERSON } from './test-member.js'

const ALL = 'assigned 0,1,2,3'
describe('a membership', () => {
  let brokers: FakeBrokers
  let member: TestMember
  const settled = () => brokers.clock.yieldToEventLoop()
  const advance = async (ms: number) => {
    await settled()
    await brokers.clock.advance(ms)
  }
  beforeEach(() => {
    brokers = new FakeBrokers()
    member = new TestMember(brokers)
  })

  describe('that begins', () => {
    it('requests an id, joins with it, and gets the tasks that the leader, itself, assigns', async () => {
      await member.membership.start()
      expect(member.events).toEqual([ALL])
      expect(brokers.log).toEqual(['1 one JoinGroup', '1 one JoinGroup', '1 one SyncGroup'])
      const joins = brokers.requests.filter(({ api }) => api === 'JoinGroup').map(({ request }) => request)
      expect(joins.map(({ memberId }) => memberId)).toEqual(['', 'id-1'])
      expect(joins[1]).toMatchObject({
        ...{ groupId: 'group', protocolType: 'consumer', groupInstanceId: null },
        ...{ sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS },
        protocols: [{ name: 'joinery-sticky' }],
      })
      expect(brokers.last('SyncGroup')).toMatchObject({
        ...{ generationId: 1, memberId: 'id-1', protocolType: 'consumer', protocolName: 'joinery-sticky' },
      })
    })

    it.each(['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR'] as const)(
      'retries a temporary failure, and reports each: %s',
      async (code) => {
        brokers.respond('JoinGroup', code, code)
        const started = member.membership.start()
        await settled()
        const report = { code: 'LOG_FAILED', retriable: true, message: expect.stringContaining(code) }
        expect(member.retried).toMatchObject([report])
        expect(member.retries.problems).toHaveLength(1)
        await advance(1_000)
        await started
        expect(member.events).toEqual([ALL])
        expect(member.retried).toMatchObject([report, report])
        expect(member.retries.problems).toEqual([])
      },
    )

    it('looks for the coordinator again after such a failure', async () => {
      brokers.respond('JoinGroup', 'NOT_COORDINATOR')
      const started = member.membership.start()
      await advance(1_000)
      await started
      expect(member.client.lookups).toBe(2)
    })

    it('pauses for 100 ms after a failure, then longer each time, at most 5 s', async () => {
      brokers.respond('JoinGroup', ...Array.from({ length: 9 }, () => 'COORDINATOR_NOT_AVAILABLE' as const))
      const started = member.membership.start()
      await settled()
      const attempts = [brokers.clock.monotonic()]
      while (member.events.length === 0) {
        const before = brokers.count('JoinGroup')
        await brokers.clock.advance(50)
        if (brokers.count('JoinGroup') > before) attempts.push(brokers.clock.monotonic())
      }
      await started
      const pauses = attempts.slice(1).map((at, i) => at - (attempts[i] as number))
      expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
    })

    it.each([
      [
        'metadata of a topic',
        new ProtocolError(CODE.UNKNOWN_TOPIC_OR_PARTITION, 'Metadata of rows', 'rows'),
        'metadata',
      ],
      ['a coordinator', new ProtocolError(CODE.COORDINATOR_NOT_AVAILABLE, 'FindCoordinator of group'), 'lookup'],
      ['a connection', lost(), 'lookup'],
    ])('retries while it cannot get %s', async (_, error, what) => {
      const errors = what === 'metadata' ? member.client.metadataErrors : member.client.lookupErrors
      errors.push(error)
      const started = member.membership.start()
      await advance(1_000)
      await started
      expect(member.events).toEqual([ALL])
      expect(member.retried).toHaveLength(1)
    })

    it.each(THAT_NEED_A_PERSON)('does not retry %s: %s', async (error, code, words) => {
      brokers.respond('JoinGroup', error)
      await expect(member.membership.start()).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
      expect(member.retried).toEqual([])
      expect(brokers.count('JoinGroup')).toBe(1)
    })

    it('does not retry when it may not describe a topic', async () => {
      member.client.metadataErrors.push(new ProtocolError(CODE.TOPIC_AUTHORIZATION_FAILED, 'Metadata of rows', 'rows'))
      await expect(member.membership.start()).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
    })

    it.each(['COORDINATOR_NOT_AVAILABLE', 'REBALANCE_IN_PROGRESS'] as const)(
      'does not retry forever: %s',
      async (code) => {
        brokers.respond('JoinGroup', ...Array.from({ length: 10_000 }, () => code))
        const outcome = expect(member.membership.start()).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
        await advance(60_000)
        await outcome
        expect(member.retries.problems).toEqual([])
      },
    )

    it('begins an interrupted rebalance again without a long pause, and reports no failure', async () => {
      brokers.respond('JoinGroup', 'NONE', 'REBALANCE_IN_PROGRESS', 'REBALANCE_IN_PROGRESS')
      brokers.respond('SyncGroup', 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')
      const started = member.membership.start()
      await advance(200)
      await started
      expect(member.events).toEqual([ALL])
      expect(member.retried).toEqual([])
    })

    it.each([
      ['REBALANCE_IN_PROGRESS', 'id-1'],
      ['ILLEGAL_GENERATION', 'id-1'],
      ['UNKNOWN_MEMBER_ID', ''],
    ] as const)('joins again after %s in SyncGroup with the id %j', async (code, id) => {
      brokers.respond('SyncGroup', code)
      const started = member.membership.start()
      await settled()
      const before = brokers.count('JoinGroup')
      await advance(20)
      const next = brokers.requests.filter(({ api }) => api === 'JoinGroup')[before]
      expect(next?.request).toMatchObject({ memberId: id })
      await advance(SESSION_MS + REBALANCE_MS) // the group waits for the member that it has forgotten in this response alone
      await started
    })
  })
})
