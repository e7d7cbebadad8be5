import { expect, it } from 'vitest'
import { SimGroup, UnknownMemberError } from '../../../src/simulator/brokers/sim-group.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { Random } from '../../../src/simulator/random.js'

it('a former coordinator acknowledges the heartbeats of a member that the group does not have', async () => {
  const group = new SimGroup(new EventLoop(new Random(1)), 2)
  const { member, generation, tasks } = await group.join(undefined, [])
  expect(tasks).toEqual([0, 1])
  group.mislead(member)
  const other = await group.join(undefined, [])
  expect(other.tasks).toEqual([0, 1])
  expect(group.memberIds).toEqual([other.member])
  expect(group.heartbeat(member, generation)).toBe('ok')
  group.stopMisleading(member)
  expect(() => group.heartbeat(member, generation)).toThrow(UnknownMemberError)
})

it('a process is a member until the group has removed it, or no former coordinator acknowledges its heartbeats', async () => {
  const eventLoop = new EventLoop(new Random(1))
  const group = new SimGroup(eventLoop, 2)
  const { member } = await group.join(undefined, [], 'a')
  expect(group.memberOf('a')).toBe(member)
  expect(group.lastMemberAt('b')).toBe(Number.NEGATIVE_INFINITY)
  group.mislead(member)
  await eventLoop.run(() => eventLoop.now > 1_000, 1_000)
  expect(group.lastMemberAt('a')).toBe(eventLoop.now)
  group.stopMisleading(member)
  const told = eventLoop.now
  await eventLoop.run(() => eventLoop.now > 2_000, 1_000)
  expect(group.lastMemberAt('a')).toBe(told)
  expect(group.memberOf('a')).toBeUndefined()
})
