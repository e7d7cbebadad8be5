import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type AppEvent, memoryLog, memoryStores, run } from '../../src/index.js'
import type { GroupMember, Log, LogSource } from '../../src/log.js'
import { ManualClock } from '../../src/testing.js'
import { activations, information, notify } from './activation.js'

/** The reading layer of a log, so that a part of it can be replaced. */
const sourceOf = ({ source }: Log): LogSource => ({
  describe: (topics) => source.describe(topics),
  endOffset: (at, kind) => source.endOffset(at, kind),
  earliestOffset: (at) => source.earliestOffset(at),
  read: (from, signal) => source.read(from, signal),
})

/** A log whose commits hang once they are told to. */
function hanging(inner: Log<'exactly-once'>) {
  const told = { hangs: false, member: undefined as GroupMember | undefined }
  const log: Log<'exactly-once'> & { problems?: () => readonly string[] } = {
    ...inner,
    gauges: () => ({ 'log bytes': 7 }),
    group: {
      join(group, topics, member) {
        told.member = member
        return inner.group.join(group, topics, member)
      },
    },
    tasks: {
      guarantees: ['exactly-once'],
      prepare: (options) => inner.tasks.prepare(options),
      open: async (options) => {
        const session = await inner.tasks.open(options)
        return { ...session, commit: (work) => (told.hangs ? new Promise(() => {}) : session.commit(work)) }
      },
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  return { log, told }
}

async function running() {
  const clock = new ManualClock(0)
  const { log, told } = hanging(memoryLog({ clock }))
  const events: AppEvent[] = []
  const onEvent = (event: AppEvent) => void events.push(event)
  const stores = { ...memoryStores(), gauges: () => ({ 'store rows': 3 }) }
  const app = await run(notify(), { application: 'a', log, clock, onEvent, stores })
  await clock.advance(1_000)
  return { clock, log, told, app, events }
}
const states = (events: readonly AppEvent[]) => events.flatMap((event) => (event.type === 'state' ? [event.to] : []))

describe('closing', () => {
  it.each([undefined, '3s'] as const)(
    'is given up after its time-out (%s), and says what becomes of the rest',
    async (timeout) => {
      const { clock, log, told, app, events } = await running()
      told.hangs = true
      await produce(log, information, { key: 'p', value: { id: '1' } })
      await clock.advance(1_000)
      const closing = app.close(timeout === undefined ? {} : { timeout })
      expect(app.close()).toBe(closing)
      const given = timeout === undefined ? 20_000 : 3_000
      const failed = expect(closing).rejects.toMatchObject({
        code: 'APP_CLOSED',
        message: expect.stringContaining(
          `did not close within ${given} ms: what was not committed is processed again by the next owner`,
        ),
      })
      await clock.advance(given - 1)
      expect(app.health().state).toBe('closing')
      await clock.advance(1)
      await failed
      await expect(app.closed).rejects.toMatchObject({ code: 'APP_CLOSED' })
      expect(app.health()).toMatchObject({ state: 'failed', live: false })
      expect(states(events).slice(-2)).toEqual(['closing', 'failed'])
    },
  )

  it('leaves no timer behind, and looks at nothing any more', async () => {
    const { clock, app, told, events } = await running()
    await app.close()
    await app.closed
    const before = events.length
    told.member?.lost()
    await clock.advance(120_000)
    expect(clock.nextTimer).toBeUndefined()
    expect(app.health()).toMatchObject({ state: 'closed', live: true, ready: false, started: true })
    expect(states(events.slice(before))).toEqual([])
  })
})

describe('a failure', () => {
  it('is the first one, whatever follows it', async () => {
    const { app, told, events } = await running()
    told.member?.failed(new Error('the membership ended'))
    told.member?.failed(new Error('another one'))
    await expect(app.closed).rejects.toThrow('the membership ended')
    await app.close()
    told.member?.lost()
    expect(app.health()).toMatchObject({ state: 'failed', live: false })
    expect(states(events).slice(-2)).toEqual(['running', 'failed'])
  })

  it('of a listener is told with its cause, and with the event', async () => {
    const cause = new Error('a bug')
    const app = await run(notify(), {
      application: 'a',
      log: memoryLog(),
      onEvent: (event) => {
        if (event.type === 'assigned') throw cause
      },
    })
    await expect(app.closed).rejects.toMatchObject({
      code: 'FUNCTION_THREW',
      cause,
      message: expect.stringContaining('onEvent threw for the event assigned'),
    })
  })
})

describe('a rebalance', () => {
  it('is told while it lasts', async () => {
    const { clock, app, told } = await running()
    await told.member?.revoked([0])
    expect(app.health()).toMatchObject({ state: 'rebalancing', ready: false, started: true, live: true })
    told.member?.assigned([0])
    await clock.advance(1_000)
    expect(app.health()).toMatchObject({ state: 'running', ready: true })
    await app.close()
  })
})

describe('an application', () => {
  it('has the sizes of its log, of its stores, and of its tasks', async () => {
    const { app } = await running()
    expect(app.metrics().gauges).toMatchObject({ 'log bytes': 7, 'store rows': 3, tasks: 1 })
    await app.close()
  })

  it('tells the longest wait of all its tasks', async () => {
    const clock = new ManualClock(0)
    const log = memoryLog({ clock, partitions: 2 })
    const keys = ['a', 'b', 'c', 'd']
    await using app = await run(notify(), { application: 'a', log, clock, commitEvery: '0ms' })
    await app.ready
    const waiting = () => app.metrics().pipelines.activation?.waiting
    await produce(log, activations, { key: keys[0] as string, value: { n: 0 } })
    await expect.poll(waiting).toBe(1)
    await clock.advance(5_000)
    await produce(log, activations, ...keys.slice(1).map((key, n) => ({ key, value: { n } })))
    await expect.poll(waiting).toBe(keys.length)
    await clock.advance(2_000)
    const { pipelines, tasks } = app.metrics()
    const each = Object.values(tasks.activation ?? {}).map(({ oldestWaitMs }) => oldestWaitMs)
    expect(each.sort((a, b) => a - b)).toEqual([2_000, 7_000])
    expect(pipelines.activation?.oldestWaitMs).toBe(7_000)
  })

  it('does not start with a signal that was aborted, and says why it was', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    await expect(run(notify(), { application: 'a', log: memoryLog(), signal })).rejects.toMatchObject({
      code: 'APP_CLOSED',
      cause: expect.objectContaining({ message: 'stopped' }),
      message: expect.stringContaining('the signal was aborted before the application had started'),
    })
  })

  it('stops at once when its signal is aborted while the log connects', async () => {
    const inner = memoryLog()
    const stop = new AbortController()
    const connecting = new Promise<never>(() => {})
    const log: Log = { ...inner, source: { ...sourceOf(inner), describe: () => connecting } }
    const started = run(notify(), { application: 'a', log, signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(started).rejects.toMatchObject({
      code: 'APP_CLOSED',
      cause: expect.objectContaining({ message: 'stopped' }),
    })
  })

  it('keeps its metrics as they were', async () => {
    const { clock, log, app } = await running()
    await produce(log, activations, { key: 'p', value: { n: 1 } })
    await expect.poll(() => app.metrics().gauges.waitingRecords).toBe(1)
    await clock.advance(5_000)
    await expect.poll(() => app.metrics().pipelines.activation?.waiting).toBe(1)
    const before = app.metrics()
    expect(before.pipelines.activation).toMatchObject({ waiting: 1, oldestWaitMs: 5_000 })
    const closing = app.close()
    await clock.advance(0)
    await closing
    await clock.advance(60_000)
    const { pipelines, gauges } = app.metrics()
    expect(pipelines.activation).toEqual(before.pipelines.activation)
    expect(gauges.waitingRecords).toBe(1)
  })

  it('reports what the log is retrying, and that the group gives no tasks', async () => {
    const { clock, log, told, app } = await running()
    expect(app.health().problems).toEqual([])
    told.member?.lost()
    await clock.advance(4_999)
    expect(app.health().problems).toEqual([])
    await clock.advance(1)
    expect(app.health().problems).toEqual(['no tasks are running: group a has made no assignment for 5 s'])
    log.problems = () => ['connection to broker b:9092 lost']
    expect(app.health().problems).toContain('connection to broker b:9092 lost')
  })

  it.each(['commitEvery', 'maxIdle'] as const)('refuses an odd %s by its name', async (name) => {
    const odd = { application: 'a', log: memoryLog(), [name]: 'soon' as '1s' }
    await expect(run(notify(), odd)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(name),
    })
  })
})
