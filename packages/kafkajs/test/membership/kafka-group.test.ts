import { describe, expect, it } from 'vitest'
import { KafkaGroup } from '../../src/membership/kafka-group.js'
import { FakeBrokers } from './fake-brokers.js'
import { TestMember, TOPICS } from './test-member.js'

function grouping() {
  const brokers = new FakeBrokers()
  const member = new TestMember(brokers)
  return { brokers, member, group: new KafkaGroup(member.options) }
}

describe('a group', () => {
  it('has the memberships of this client until they leave', async () => {
    const { brokers, member, group } = grouping()
    const membership = await group.join('group', TOPICS, member)
    expect(group.membershipsOf('group').map(({ topics }) => topics)).toEqual([TOPICS])
    expect(group.membershipsOf('another')).toEqual([])
    expect(await membership.verify()).toBe('member')
    await membership.leave()
    expect(group.membershipsOf('group')).toEqual([])
    expect(brokers.log.at(-1)).toBe('1 one LeaveGroup')
  })

  it('may have several members in one client: none waits for the connection of another that joins', async () => {
    const { brokers, member, group } = grouping()
    const first = await group.join('group', TOPICS, member)
    const second = new TestMember(brokers, 'two')
    const joining = group.join('group', TOPICS, second)
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(1_000)
    const membership = await joining
    expect([member.running, second.running]).toEqual([
      [0, 1],
      [2, 3],
    ])
    expect([await first.verify(), await membership.verify()]).toEqual(['member', 'member'])
  })

  it('reuses the connections of memberships that have ended', async () => {
    const { member, group } = grouping()
    const first = await group.join('group', TOPICS, member)
    const { channel } = group.membershipsOf('group')[0] ?? {}
    await first.leave()
    await group.join('group', TOPICS, member)
    expect(group.membershipsOf('group')[0]?.channel).toBe(channel)
  })

  it('publishes the offsets of tasks that its memberships own', async () => {
    const { brokers, member, group } = grouping()
    await group.join('group', TOPICS, member)
    group.publish('group', 1, new Map([['rows', 3]]))
    group.publish('another', 2, new Map([['rows', 4]]))
    await brokers.clock.advance(1_000)
    expect(brokers.last('OffsetCommit')).toMatchObject({
      topics: [{ name: 'rows', partitions: [{ partitionIndex: 1, committedOffset: 3 }] }],
    })
  })

  it('has this client as a member as long as the coordinator accepts a heartbeat, sent at that moment', async () => {
    const { brokers, member, group } = grouping()
    const membership = await group.join('group', TOPICS, member)
    const before = brokers.count('Heartbeat')
    expect(await group.verify('group')).toBe('member')
    expect(brokers.count('Heartbeat')).toBe(before + 1)
    brokers.respond('Heartbeat', 'UNKNOWN_MEMBER_ID')
    expect(await group.verify('group')).toBe('lost')
    await membership.leave()
  })

  it.each([
    ['REBALANCE_IN_PROGRESS', 'rebalancing'],
    ['COORDINATOR_NOT_AVAILABLE', 'rebalancing'],
    ['ILLEGAL_GENERATION', 'lost'],
  ] as const)(
    'is not proven to have this client as a member if the response to a heartbeat is %s: %s',
    async (code, expected) => {
      const { brokers, member, group } = grouping()
      await group.join('group', TOPICS, member)
      brokers.respond('Heartbeat', code)
      expect(await group.verify('group')).toBe(expected)
    },
  )

  it('does not have this client as a member while its coordinator cannot be reached', async () => {
    const { member, group } = grouping()
    await group.join('group', TOPICS, member)
    member.client.cutOff()
    expect(await group.verify('group')).toBe('rebalancing')
  })

  it('that was not joined does not stop this client: it may run tasks without a group', async () => {
    const { brokers, member, group } = grouping()
    expect(await group.verify('group')).toBe('member')
    await group.join('another', TOPICS, member)
    brokers.respond('Heartbeat', 'UNKNOWN_MEMBER_ID')
    expect(await group.verify('group')).toBe('member')
  })

  it('that was left does not stop this client either', async () => {
    const { member, group } = grouping()
    const membership = await group.join('group', TOPICS, member)
    await membership.leave()
    expect(await group.verify('group')).toBe('member')
  })

  it('has this client as a member if one of its memberships is accepted', async () => {
    const { brokers, member, group } = grouping()
    await group.join('group', TOPICS, member)
    const joining = group.join('group', TOPICS, new TestMember(brokers, 'two'))
    await brokers.clock.yieldToEventLoop()
    await brokers.clock.advance(1_000)
    await joining
    brokers.respond('Heartbeat', 'UNKNOWN_MEMBER_ID')
    expect(await group.verify('group')).toBe('member')
  })

  it('has no membership after a failure to join', async () => {
    const { brokers, member, group } = grouping()
    brokers.respond('JoinGroup', 'NONE', 'GROUP_AUTHORIZATION_FAILED')
    await expect(group.join('group', TOPICS, member)).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' })
    expect(group.membershipsOf('group')).toEqual([])
    expect(brokers.log.at(-1)).toBe('1 one LeaveGroup') // the coordinator has given it an id
  })

  it('is no longer joined once it is closed', async () => {
    const { brokers, member, group } = grouping()
    brokers.respond('JoinGroup', 'COORDINATOR_NOT_AVAILABLE')
    const joining = expect(group.join('group', TOPICS, member)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    await brokers.clock.yieldToEventLoop()
    expect(member.retries.problems).toHaveLength(1)
    await group.close()
    await joining
    expect(group.membershipsOf('group')).toEqual([])
    expect(member.retries.problems).toEqual([])
    expect(member.failure).toBeUndefined()
  })

  it('is left when it is closed', async () => {
    const { brokers, member, group } = grouping()
    await group.join('group', TOPICS, member)
    await group.close()
    expect(brokers.log.at(-1)).toBe('1 one LeaveGroup')
    expect(brokers.group.members.size).toBe(0)
  })

  it('notifies members that have not left when it is closed: they cannot continue', async () => {
    const { brokers, member, group } = grouping()
    const another = new TestMember(brokers, 'another')
    const membership = await group.join('another group', TOPICS, another)
    await membership.leave()
    await group.join('group', TOPICS, member)
    await group.close()
    await group.close()
    expect(member.failure).toMatchObject({ code: 'LOG_CLOSED', retriable: false })
    expect(another.failure).toBeUndefined()
  })
})
