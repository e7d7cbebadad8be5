import { describe, expect, it } from 'vitest'
import { memoryLog } from '../../src/index.js'
import type { GroupMember } from '../../src/log.js'
import { singleMember } from '../../src/log.js'

const member = (assigned: GroupMember['assigned'] = () => {}): GroupMember => ({
  assigned,
  revoked: async () => {},
  lost() {},
  ownedTasks: () => [],
  failed() {},
})

describe('a group of a single member', () => {
  it('assigns all tasks to the member', async () => {
    const group = singleMember(memoryLog({ partitions: 3 }).source)
    const given: (readonly number[])[] = []
    const membership = await group.join(
      'a',
      ['events', 'rows'],
      member((tasks) => given.push(tasks)),
    )
    expect(given).toEqual([[0, 1, 2]])
    expect(await membership.verify()).toBe('member')
  })

  it('rejects a second member until the first has left', async () => {
    const group = singleMember(memoryLog().source)
    const first = await group.join('a', ['events'], member())
    await expect(group.join('a', ['events'], member())).rejects.toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
    await group.join('b', ['events'], member())
    await first.leave()
    await first.leave()
    expect(await first.verify()).toBe('lost')
    const second = await group.join('a', ['events'], member())
    await first.leave()
    expect(await second.verify()).toBe('member')
    await expect(group.join('a', ['events'], member())).rejects.toThrow('close it first')
  })

  it('can be joined again after a failed join', async () => {
    const { source } = memoryLog()
    let isBroken = true
    const group = singleMember({
      describe: (topics) => (isBroken ? Promise.reject(new Error('not now')) : source.describe(topics)),
    })
    await expect(group.join('a', ['events'], member())).rejects.toThrow('not now')
    isBroken = false
    await group.join('a', ['events'], member())
  })
})
