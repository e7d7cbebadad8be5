import assert from 'node:assert/strict'
import type { GroupMember } from '../../log/contract.js'
import type { LogTest, LogTrial } from './log-trial.js'

/** Layer 3: who owns which task. */
export function logGroupSuite(test: LogTest, shared: boolean): void {
  if (shared) sharedGroupSuite(test)

  test('a member that has left has no tasks and no proof, and may leave twice', async (trial) => {
    const topic = await trial.topic(2)
    const group = new SharedGroup(trial, [topic])
    const member = await group.join('one')
    await member.owns((tasks) => tasks.length === 2, 'both tasks')
    await member.leave()
    await member.leave()
    assert.notEqual(await member.prove(), 'member')
    const next = await group.join('two')
    await next.owns((tasks) => tasks.length === 2, 'both tasks')
    assert.equal(await next.prove(), 'member')
    await next.leave()
  })

  test('groups do not take tasks from each other', async (trial) => {
    const topic = await trial.topic(2)
    const members = [await new SharedGroup(trial, [topic]).join('a'), await new SharedGroup(trial, [topic]).join('b')]
    for (const member of members) await member.owns((tasks) => tasks.length === 2, 'both tasks')
    for (const member of members) await member.leave()
  })
}

function sharedGroupSuite(test: LogTest): void {
  test('members share the tasks, and hand them over one at a time', async (trial) => {
    const topic = await trial.topic(4)
    const group = new SharedGroup(trial, [topic])
    const one = await group.join('one')
    await one.owns((tasks) => tasks.length === 4, 'all 4 tasks')
    assert.equal(await one.prove(), 'member')
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

  test('tasks are given to others when they were given back, however long that takes', async (trial) => {
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

/** Members of one group, and what each of them owns. */
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

  /** A member that takes and gives what it is told, and fails if a task has two owners. */
  async join(name: string, beforeItGives: () => Promise<void> = async () => {}) {
    const { owners } = this
    let tasks: readonly number[] = []
    let failure: Error | undefined
    const waiting = new Set<() => void>()
    const give = (given: readonly number[]) => {
      for (const task of given) if (owners.get(task) === name) owners.delete(task)
      tasks = tasks.filter((task) => !given.includes(task))
    }
    const changed = () => {
      for (const look of [...waiting]) look()
    }
    const member: GroupMember = {
      assigned(assigned) {
        const taken = tasks.filter((task) => !assigned.includes(task))
        if (taken.length > 0) failure = new Error(`${name} has lost ${taken.join(', ')} before it gave them back`)
        for (const task of assigned) {
          const owner = owners.get(task) ?? name
          if (owner !== name) failure = new Error(`task ${task} belongs to ${owner} and was given to ${name}`)
          owners.set(task, name)
        }
        tasks = assigned
        changed()
      },
      async revoked(revoked) {
        await beforeItGives()
        give(revoked)
      },
      lost() {
        give(tasks)
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
      prove: () => membership.verify(),
      leave: () => {
        give(tasks)
        return membership.leave()
      },
      owns: (isEnough: (tasks: readonly number[]) => boolean, what: string) =>
        this.#trial.within(
          new Promise<void>((resolve, reject) => {
            const look = () => {
              if (failure !== undefined) reject(failure)
              else if (isEnough(tasks)) resolve()
              else return
              waiting.delete(look)
            }
            waiting.add(look)
            look()
          }),
          () => `${name} does not own ${what}, but ${tasks.length === 0 ? 'none' : tasks.join(', ')}`,
        ),
    }
  }
}
