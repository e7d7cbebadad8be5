import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { json, memoryLog, run, stream, table, text, topic } from '../../src/index.js'
import type { GroupMember, Log } from '../../src/log.js'

const events = topic('event', { key: text(), value: json<{ id: number }>() })
const rows = topic('row', { key: text(), value: json<{ x: string }>() })
const results = topic('result', { key: text(), value: json<{ id: number; x: string }>() })
const pipeline = stream(events)
  .join(table(rows), (event, { x }) => ({ ...event, x }))
  .to(results)

describe('a member that the group has expelled', () => {
  it('is not ready until it has its tasks again, and then goes on', async () => {
    const inner = memoryLog()
    let member: GroupMember | undefined
    const log: Log<'exactly-once'> = {
      ...inner,
      group: {
        join(group, topics, joining) {
          member = joining
          return inner.group.join(group, topics, joining)
        },
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }
    await produce(log, rows, { key: 'k', value: { x: 'x' } })
    await using app = await run(pipeline, { application: 'a', log })
    await app.ready
    const tasks = member?.ownedTasks() ?? []

    member?.lost()
    expect(app.health()).toMatchObject({ live: true, ready: false, started: true, state: 'rebalancing' })

    member?.assigned(tasks)
    await expect.poll(() => app.health()).toMatchObject({ ready: true, state: 'running' })
    await produce(log, events, { key: 'k', value: { id: 1 } })
    await expect.poll(() => app.metrics().pipelines.event).toMatchObject({ in: 1, emitted: 1 })
  })
})

describe('a member whose rebalance ends before its tasks have noticed that it began', () => {
  it('opens them again', async () => {
    const inner = memoryLog()
    let member: GroupMember | undefined
    let opening = () => {}
    const opened = new Promise<void>((resolve) => {
      opening = resolve
    })
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const log: Log<'exactly-once'> = {
      ...inner,
      group: {
        join(group, topics, joining) {
          member = joining
          return inner.group.join(group, topics, joining)
        },
      },
      tasks: {
        ...inner.tasks,
        guarantees: inner.tasks.guarantees,
        prepare: (options) => inner.tasks.prepare(options),
        async open(options) {
          const session = await inner.tasks.open(options)
          opening()
          await held
          return session
        },
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }
    await produce(log, rows, { key: 'k', value: { x: 'x' } })
    await using app = await run(pipeline, { application: 'a', log })
    await opened
    const tasks = member?.ownedTasks() ?? []

    const revoked = member?.revoked(tasks)
    member?.assigned(tasks)
    await revoked
    goOn()
    await produce(log, events, { key: 'k', value: { id: 1 } })
    await expect.poll(() => app.health()).toMatchObject({ live: true, state: 'running' })
    await expect.poll(() => app.metrics().pipelines.event).toMatchObject({ in: 1, emitted: 1 })
  })
})
