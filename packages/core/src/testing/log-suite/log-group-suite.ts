import assert from 'node:assert/strict'
import type { GroupMember } from '../../log/contract.js'
import type { LogTest, LogTrial } from './log-trial.js'

/** Layer 3: distributing tasks among members. */
export function logGroupSuite(test: LogTest, shared: boolean): void {
  if (shared) sharedGroupSuite(test)

  test('a member that has left owns no tasks and cannot verify its membership; leaving twice is allowed', async (trial) => {
    const topic = await trial.topic(2)
    const group = new SharedGroup(trial, [topic])
    const member = await group.join('one')
    await member.owns((tasks) => tasks.length === 2, 'both tasks')
    await member.leave()
    await member.leave()
    assert.notEqual(await member.verify(), 'member')
    const next = await group.join('two')
    await next.owns((tasks) => tasks.length === 2, 'both tasks')
    assert.equal(await next.verify(), 'member')
    await next.leave()
  })

  test('groups are independent: each assigns every task', async (trial) => {
    const topic = await trial.topic(2)
    const members = [await new SharedGroup(trial, [topic]).join('a'), await new SharedGroup(trial, [topic]).join('b')]
    for (const member of members) await member.owns((tasks) => tasks.length === 2, 'both tasks')
    for (const member of members) await member.leave()
  })
}

function sharedGroupSuite(test: LogTest): void {
  test('members share the tasks, and no task has two owners at any time', async (trial) => {
    const topic = await trial.topic(4)
    const group = new SharedGroup(trial, [topic])
    const one = await group.join('one')
    await one.owns((tasks) => tasks.length === 4, 'all 4 tasks')
    assert.equal(await one.verify(), 'member')
    const before = one.tasks
    const two = await group.join('two')
    await Promise.all([
      one.owns((tasks) => tasks.length === 2, '2 tasks'),
      two.owns((tasks) => tasks.length === 2, '2 tasks'),
    ])
    assert.deepEqual([...group.owners.keys()].sort(), [0, 1, 2, 3])
    assert.ok(one.tasks.every((task) => before.includes(task)))
    await one.leave()
    await two.owns((tasks) => tasks.length === 4, 'all 4 tasks')
    assert.deepEqual([...new Set(group.owners.values())], ['two'])
    await two.leave()
  })

  test('revoked tasks are reassigned only after the previous owner has released them, however long that takes', async (trial) => {
    const topic = await trial.topic(4)
    const group = new SharedGroup(trial, [topic])
    const slow = await group.join('slow', async () => {
      for (let i = 0; i < 20; i++) await trial.log.source.endOffset({ topic, partition: 0 }, 'high-watermark')
    })
    await slow.owns((tasks) => tasks.length === 4, 'all 4 tasks')
    const quick = await group.join('quick')
    await quick.owns((tasks) => tasks.length === 2, '2 tasks')
    await slow.owns((tasks) => tasks.length === 2, '2 tasks')
    await slow.leave()
    await quick.owns((tasks) => tasks.length === 4, 'all 4 tasks')
    await quick.leave()
  })
}

/** The members of one group, and the tasks that each of them owns. */
class SharedGroup {
  readonly owners: Map<number, string> = new Map()
  readonly #trial: LogTrial
  readonly #topics: readonly string[]
  readonly #name: string

  constructor(trial: LogTrial, topics: readonly string[]) {
    this.#trial = trial
    this.#topics = topics
    this.#name = trial.fixture.application()
  }

  /** Joins a member that accepts and releases tasks as the group requires, and fails if a task has two owners. */
  async join(name: string, beforeRelease: () => Promise<void> = async () => {}) {
    const { owners } = this
    let tasks: readonly number[] = []
    let failure: Error | undefined
    const waiting = new Set<() => void>()
    const release = (released: readonly number[]) => {
      for (const task of released) if (owners.get(task) === name) owners.delete(task)
      tasks = tasks.filter((task) => !released.includes(task))
    }
    const changed = () => {
      for (const check of [...waiting]) check()
    }
    const member: GroupMember = {
      assigned(assigned) {
        const withdrawn = tasks.filter((task) => !assigned.includes(task))
        if (withdrawn.length > 0)
          failure = new Error(`tasks ${withdrawn.join(', ')} of ${name} were withdrawn without a call of revoked`)
        for (const task of assigned) {
          const owner = owners.get(task) ?? name
          if (owner !== name) failure = new Error(`task ${task} is owned by ${owner}, but was assigned to ${name}`)
          owners.set(task, name)
        }
        tasks = assigned
        changed()
      },
      async revoked(revoked) {
        await beforeRelease()
        release(revoked)
      },
      lost() {
        release(tasks)
      },
      ownedTasks: () => tasks,
      failed(error) {
        failure = error
        changed()
      },
    }
    const membership = await this.#trial.log.group.join(this.#name, this.#topics, member)
    return {
      get tasks() {
        return tasks
      },
      verify: () => membership.verify(),
      leave: () => {
        release(tasks)
        return membership.leave()
      },
      owns: (isExpected: (tasks: readonly number[]) => boolean, expected: string) =>
        this.#trial.withTimeout(
          new Promise<void>((resolve, reject) => {
            const check = () => {
              if (failure !== undefined) reject(failure)
              else if (isExpected(tasks)) resolve()
              else return
              waiting.delete(check)
            }
            waiting.add(check)
            check()
          }),
          () => `${name} must own ${expected}, but owns ${tasks.length === 0 ? 'none' : tasks.join(', ')}`,
        ),
    }
  }
}
