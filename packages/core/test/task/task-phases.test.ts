import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import type { RunningApp } from '../../src/app/running-app.js'
import { type AppEvent, memoryLog, memoryStores, run } from '../../src/index.js'
import type { GroupMember, Log, Membership } from '../../src/log.js'
import type { StateStores } from '../../src/store.js'
import { activations, information, notify } from '../app/activation.js'

/** Something that others wait for until it is let go. */
function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

type Proof = Awaited<ReturnType<Membership['verify']>>

/** An application whose group, log and stores do as they are told. */
async function world() {
  const inner = memoryLog({ topics: { information: { cleanup: 'compact' } } })
  await produce(inner, information, { key: 'a', value: { id: '1' } })
  const told = { proof: 'member' as Proof, session: gate(), stores: gate(), ends: gate() }
  let member: GroupMember | undefined
  const log: Log<'exactly-once'> = {
    ...inner,
    source: {
      describe: (topics) => inner.source.describe(topics),
      earliestOffset: (at) => inner.source.earliestOffset(at),
      read: (from, signal) => inner.source.read(from, signal),
      endOffset: async (at, kind) => {
        await told.ends.passed
        return inner.source.endOffset(at, kind)
      },
    },
    group: {
      async join(_group, _topics, joining) {
        member = joining
        joining.assigned([0])
        return { verify: async () => told.proof, leave: async () => {} }
      },
    },
    tasks: {
      guarantees: inner.tasks.guarantees,
      prepare: (options) => inner.tasks.prepare(options),
      open: async (options) => {
        await told.session.passed
        return inner.tasks.open(options)
      },
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const memory = memoryStores()
  const stores: StateStores = {
    open: async (id) => {
      await told.stores.passed
      return memory.open(id)
    },
  }
  const events: AppEvent[] = []
  const start = async () =>
    (await run(notify(), {
      application: 'a',
      log,
      stores,
      onEvent: (event) => events.push(event),
    })) as RunningApp
  return { log, told, events, start, member: () => member as GroupMember }
}

const phase = (app: RunningApp) => app.tasks.map(({ phase }) => phase).join()

describe('a task', () => {
  it('is opened, restored, loaded, and runs; pauses and goes on; and ends', async () => {
    const { log, told, events, start, member } = await world()
    const app = await start()
    await expect.poll(() => phase(app)).toBe('opening')
    told.session.open()
    await expect.poll(() => phase(app)).toBe('restoring')
    told.stores.open()
    await expect.poll(() => phase(app)).toBe('loading')
    expect(app.health()).toMatchObject({ ready: false })
    told.ends.open()
    await expect.poll(() => phase(app)).toBe('running')
    expect(app.health()).toMatchObject({ ready: true })

    await member().revoked([0])
    expect(phase(app)).toBe('paused')
    await produce(log, activations, { key: 'a', value: { n: 1 } })
    member().assigned([0])
    await expect.poll(() => phase(app)).toBe('running')
    await expect.poll(() => app.metrics().pipelines.activation).toMatchObject({ emitted: 1 })

    const [task] = app.tasks
    await app.close()
    expect(task?.phase).toBe('ended')
    await task?.pause() // of what has ended is over at once
    const states = events.flatMap((event) => (event.type === 'state' ? [event.to] : []))
    expect(states).toEqual(['restoring', 'running', 'rebalancing', 'running', 'closing', 'closed'])
  })

  it.each(['rebalancing', 'lost'] as const)('is not opened while this member is %s', async (proof) => {
    const { told, events, start } = await world()
    for (const { open } of [told.session, told.stores, told.ends]) open()
    told.proof = proof
    await using app = await start()
    await expect.poll(() => events.map(({ type }) => type)).toContain('retrying')
    const [retrying] = events.filter((event) => event.type === 'retrying')
    expect(retrying?.error).toMatchObject({ code: 'TASK_LOST', retriable: true, partition: 0 })
    expect(retrying?.error.message).toContain(`task 0 waits for the group: this member is ${proof}`)
    expect(app.health().problems.join()).toContain('task 0 is retrying: TASK_LOST')
    expect(phase(app)).toBe('opening')
    told.proof = 'member'
    await expect.poll(() => app.health()).toMatchObject({ ready: true, problems: [] })
  })

  it('that is given away while it is opened is opened again when it comes back', async () => {
    const { told, start, member } = await world()
    await using app = await start()
    await expect.poll(() => phase(app)).toBe('opening')
    const revoked = member().revoked([0])
    told.session.open()
    told.stores.open()
    told.ends.open()
    await revoked
    member().assigned([0])
    await expect.poll(() => phase(app)).toBe('running')
  })

  it('that is lost writes nothing more, and is made anew', async () => {
    const { log, told, start, member } = await world()
    for (const { open } of [told.session, told.stores, told.ends]) open()
    await using app = await start()
    await expect.poll(() => phase(app)).toBe('running')
    const [before] = app.tasks
    member().lost()
    expect(app.tasks).toEqual([])
    await expect.poll(() => before?.phase).toBe('ended')
    await produce(log, activations, { key: 'a', value: { n: 1 } })
    member().assigned([0])
    await expect.poll(() => phase(app)).toBe('running')
    expect(app.tasks[0]).not.toBe(before)
    await expect.poll(() => app.metrics().pipelines.activation).toMatchObject({ emitted: 1 })
  })
})
