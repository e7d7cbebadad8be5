import { describe, expect, it } from 'vitest'
import { memoryLog } from '../../../src/index.js'
import type { GroupMember } from '../../../src/log.js'
import { settle } from '../records.js'

/** A member that does as told, and notes what it is told. */
class NotingMember implements GroupMember {
  tasks: readonly number[] = []
  failure: Error | undefined
  /** What revoking waits for. */
  revoking: Promise<void> = Promise.resolve()
  readonly #name: string
  readonly #notes: string[]

  constructor(name: string, notes: string[]) {
    this.#name = name
    this.#notes = notes
  }

  assigned(tasks: readonly number[]): void {
    this.tasks = tasks
    this.#notes.push(`${this.#name} has ${tasks.join()}`)
  }

  async revoked(tasks: readonly number[]): Promise<void> {
    await this.revoking
    if (tasks.length > 0) this.#notes.push(`${this.#name} gave ${tasks.join()}`)
  }

  lost(): void {
    this.#notes.push(`${this.#name} lost`)
  }

  ownedTasks(): readonly number[] {
    return this.tasks
  }

  failed(error: Error): void {
    this.failure = error
  }
}

describe('a group in memory', () => {
  it('gives all tasks to its only member', async () => {
    const { group } = memoryLog({ partitions: 3 })
    const member = new NotingMember('one', [])
    const membership = await group.join('g', ['t'], member)
    expect(member.tasks).toEqual([0, 1, 2])
    expect(await membership.verify()).toBe('member')
  })

  it('moves as few tasks as it can when a member comes or goes', async () => {
    const { group } = memoryLog({ partitions: 4 })
    const [one, two] = [new NotingMember('one', []), new NotingMember('two', [])]
    await group.join('g', ['t'], one)
    const second = await group.join('g', ['t'], two)
    expect([one.tasks, two.tasks]).toEqual([
      [0, 1],
      [2, 3],
    ])
    await second.leave()
    expect(one.tasks).toEqual([0, 1, 2, 3])
    const three = new NotingMember('three', [])
    await group.join('g', ['t'], three)
    expect(three.tasks).toHaveLength(2)
    expect([...one.tasks, ...three.tasks].sort()).toEqual([0, 1, 2, 3])
  })

  it('waits until every member has given its tasks up before it assigns any', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const notes: string[] = []
    const [one, two] = [new NotingMember('one', notes), new NotingMember('two', notes)]
    const first = await group.join('g', ['t'], one)
    let release = () => {}
    one.revoking = new Promise((resolve) => {
      release = resolve
    })
    const joining = group.join('g', ['t'], two)
    await settle()
    expect(notes).toEqual(['one has 0,1'])
    expect(await first.verify()).toBe('rebalancing')
    release()
    await joining
    await expect.poll(() => notes).toEqual(['one has 0,1', 'one gave 0,1', 'one has 0', 'two has 1'])
    expect(await first.verify()).toBe('member')
  })

  it('assigns once for changes that come during a rebalance', async () => {
    const { group } = memoryLog({ partitions: 3 })
    const notes: string[] = []
    const members = ['one', 'two', 'three'].map((name) => new NotingMember(name, notes))
    await Promise.all(members.map((member) => group.join('g', ['t'], member)))
    await expect.poll(() => members.map(({ tasks }) => tasks.length)).toEqual([1, 1, 1])
    expect(notes.filter((note) => note.includes('has'))).toHaveLength(3)
  })

  it('tells a member that has left that it is lost, and leaving twice is leaving once', async () => {
    const { group } = memoryLog({ partitions: 1 })
    const notes: string[] = []
    const membership = await group.join('g', ['t'], new NotingMember('one', notes))
    await membership.leave()
    await membership.leave()
    expect(await membership.verify()).toBe('lost')
    expect(notes).toEqual(['one has 0'])
  })

  it('keeps groups apart', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const [one, two] = [new NotingMember('one', []), new NotingMember('two', [])]
    await group.join('g', ['t'], one)
    await group.join('h', ['t'], two)
    expect([one.tasks, two.tasks]).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  it('gives the tasks of a member that fails to give them up to the others, and tells it', async () => {
    const { group } = memoryLog({ partitions: 2 })
    const [one, two] = [new NotingMember('one', []), new NotingMember('two', [])]
    const first = await group.join('g', ['t'], one)
    one.revoking = Promise.reject(new Error('stuck'))
    one.revoking.catch(() => {})
    await group.join('g', ['t'], two)
    await expect.poll(() => two.tasks).toEqual([0, 1])
    expect(one.failure?.message).toContain('stuck')
    expect(await first.verify()).toBe('lost')
  })
})
