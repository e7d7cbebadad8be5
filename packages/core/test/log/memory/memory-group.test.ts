import { describe, expect, it } from 'vitest'
import { memoryLog } from '../../../src/index.js'
import type { GroupMember } from '../../../src/log.js'
import { settle } from '../records.js'

/** A member that records its callbacks. */
class RecordingMember implements GroupMember {
  tasks: readonly number[] = []
  failure: Error | undefined
  /** Delays `revoked` until it resolves. */
  revoking: Promise<void> = Promise.resolve()
  readonly #name: string
  readonly #callbacks: string[]

  constructor(name: string, callbacks: string[]) {
    this.#name = name
    this.#callbacks = callbacks
  }

  assigned(tasks: readonly number[]): void {
    this.tasks = tasks
    this.#callbacks.push(`${this.#name} owns ${tasks.join()}`)
  }

  async revoked(tasks: readonly number[]): Promise<void> {
    await this.revoking
    if (tasks.length > 0) this.#callbacks.push(`${this.#name} released ${tasks.join()}`)
  }

  lost(): void {
    this.#callbacks.push(`${this.#name} lost`)
  }

  ownedTasks(): readonly number[] {
    return this.tasks
  }

  failed(error: Error): void {
    this.failure = error
  }
}

describe('a group in memory', () => {
  it('assigns all tasks to its only member', async () => {
    const { group } = memoryLog({ partitions: 3 })
    const member = new RecordingMember('one', [])
    const membership = await group.join('g', ['t'], member)
    expect(member.tasks).toEqual([0, 1, 2])
    expect(await membership.verify()).toBe('member')
  })

  it('moves as few tasks as possible when a member joins or leaves', async () => {
    const { group } = memoryLog({ partitions: 4 })
    const [one, two] = [new RecordingMember('one', []), new RecordingMember('two', [])]
    await group.join('g', ['t'], one)
    const second = await group.join('g', ['t'], two)
    expect([one.tasks, two.tasks]).toEqual([
      [0, 1],
      [2, 3],
    ])
    await second.leave()
    expect(one.tasks).toEqual([0, 1, 2, 3])
    const three = new RecordingMember('three', [])
    await group.join('g', ['t'], three)
    expect(three.tasks).toHaveLength(2)
    expect([...one.tasks, ...three.tasks].sort()).toEqual([0, 1, 2, 3])
  })

  it('waits until every member has released its tasks before it assigns any', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const callbacks: string[] = []
    const [one, two] = [new RecordingMember('one', callbacks), new RecordingMember('two', callbacks)]
    const first = await group.join('g', ['t'], one)
    let release = () => {}
    one.revoking = new Promise((resolve) => {
      release = resolve
    })
    const joining = group.join('g', ['t'], two)
    await settle()
    expect(callbacks).toEqual(['one owns 0,1'])
    expect(await first.verify()).toBe('rebalancing')
    release()
    await joining
    await expect.poll(() => callbacks).toEqual(['one owns 0,1', 'one released 0,1', 'one owns 0', 'two owns 1'])
    expect(await first.verify()).toBe('member')
  })

  it('assigns once for several changes during a rebalance', async () => {
    const { group } = memoryLog({ partitions: 3 })
    const callbacks: string[] = []
    const members = ['one', 'two', 'three'].map((name) => new RecordingMember(name, callbacks))
    await Promise.all(members.map((member) => group.join('g', ['t'], member)))
    await expect.poll(() => members.map(({ tasks }) => tasks.length)).toEqual([1, 1, 1])
    expect(callbacks.filter((callback) => callback.includes('owns'))).toHaveLength(3)
  })

  it('verifies a member that has left as lost; leaving twice is allowed', async () => {
    const { group } = memoryLog({ partitions: 1 })
    const callbacks: string[] = []
    const membership = await group.join('g', ['t'], new RecordingMember('one', callbacks))
    await membership.leave()
    await membership.leave()
    expect(await membership.verify()).toBe('lost')
    expect(callbacks).toEqual(['one owns 0'])
  })

  it('keeps groups separate', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const [one, two] = [new RecordingMember('one', []), new RecordingMember('two', [])]
    await group.join('g', ['t'], one)
    await group.join('h', ['t'], two)
    expect([one.tasks, two.tasks]).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  it('reassigns the tasks of a member that fails to release them, and notifies it', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const [one, two] = [new RecordingMember('one', []), new RecordingMember('two', [])]
    const first = await group.join('g', ['t'], one)
    one.revoking = Promise.reject(new Error('stuck'))
    one.revoking.catch(() => {})
    await group.join('g', ['t'], two)
    await expect.poll(() => two.tasks).toEqual([0, 1])
    expect(one.failure?.message).toContain('stuck')
    expect(await first.verify()).toBe('lost')
  })
})
