import assert from 'node:assert/strict'
import { POSITION_KEY } from '../../changelog/keys.js'
import { decodePosition, encodePosition } from '../../changelog/position-record.js'
import type { Guarantee, Log, TaskSession, TaskWork } from '../../log/contract.js'
import type { NewRecord } from '../../record.js'
import { committed, type LogTest, type LogTrial, record, values } from './log-trial.js'

const GUARANTEE = 'at-least-once'

/** Layer 4 with the guarantee at-least-once. */
export function logOffsetsSuite(test: LogTest): void {
  test('a new task has no position, and a later owner gets the last committed position', async (trial) => {
    const task = await atLeastOnceTask(trial, 2)
    const first = await task.open(1)
    assert.equal(await positionOf(trial, first), undefined)
    await committed(first, task.work(5, [record(task.output, 'k', '1'), record(task.output, 'k', '2')]))
    await committed(first, task.work(7, [record(task.output, 'k', '3')]))
    await first.close()
    const second = await task.open(1)
    assert.equal(await positionOf(trial, second), 7)
    assert.equal(await positionOf(trial, await task.open(0)), undefined, 'each task has its own position')
    assert.deepEqual(values(await trial.readAll(task.output)), ['1', '2', '3'])
  })

  test('every later owner gets the last committed position', async (trial) => {
    const task = await atLeastOnceTask(trial, 1)
    for (let i = 1; i <= 5; i++) {
      const session = await task.open(0)
      assert.equal(await positionOf(trial, session), i === 1 ? undefined : i - 1)
      await committed(session, task.work(i, []))
    }
  })

  test('a later owner fences an earlier owner, whose later positions are never visible', async (trial) => {
    const task = await atLeastOnceTask(trial, 1)
    const first = await task.open(0)
    await committed(first, task.work(3, []))
    const second = await task.open(0)
    assert.ok(second.token.offset > first.token.offset)
    for (let i = 0; i < 2; i++) assert.equal((await first.commit(task.work(9, []))).outcome, 'fenced')
    await first.close()
    await committed(second, task.work(4, []))
    assert.equal(await positionOf(trial, await task.open(0)), 4)
  })

  test('each application has its own positions', async (trial) => {
    const [one, other] = [await atLeastOnceTask(trial, 1), await atLeastOnceTask(trial, 1)]
    const session = await one.open(0)
    await committed(session, one.work(3, []))
    const elsewhere = await other.open(0)
    assert.equal(await positionOf(trial, elsewhere), undefined)
    await committed(elsewhere, other.work(8, []))
    await committed(session, one.work(4, []))
    assert.equal(await positionOf(trial, await one.open(0)), 4)
  })
}

/** Prepares an application with one input and one output. */
async function atLeastOnceTask(trial: LogTrial, partitions: number) {
  const { tasks } = trial.log as Log<Guarantee>
  const application = trial.fixture.application()
  const input = await trial.topic(partitions)
  const output = await trial.topic()
  const [info] = await trial.log.source.describe([input])
  await tasks.prepare({ application, partitions, maxMessageBytes: 1_048_588, guarantee: GUARANTEE })
  return {
    output,
    open: (task: number) => tasks.open({ application, task, guarantee: GUARANTEE }),
    work(next: number, outputs: readonly NewRecord[]): TaskWork {
      const inputs = { [input]: { id: info?.id as string, next } }
      const value = encodePosition({
        writtenAt: 0,
        inputs,
        partitions,
        hash: 'hash',
        totals: { [input]: { in: next } },
      })
      return { outputs, changelog: [{ key: POSITION_KEY, value }], offsets: new Map([[input, next]]) }
    },
  }
}

/** @returns the offset at which a session's task resumes; `undefined` for a new task */
async function positionOf(trial: LogTrial, session: TaskSession): Promise<number | undefined> {
  const source = session.source ?? trial.log.source
  const from = { ...session.changelog, offset: await source.earliestOffset(session.changelog) }
  const records = await trial.readTo(from, session.token.offset + 1, source)
  const value = records.at(-1)?.value
  if (value == null) return undefined
  return Object.values(decodePosition(value).inputs)[0]?.next
}
