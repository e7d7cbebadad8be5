import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type AppEvent, json, memoryLog, memoryStores, run, stream, table, text, topic } from '../../src/index.js'
import type { Guarantee, Log } from '../../src/log.js'
import { openMetrics } from '../../src/openmetrics.js'
import type { StateStore, StateStores } from '../../src/store.js'
import { faultyLog, ManualClock } from '../../src/testing.js'
import { heldLog, pass } from './held-log.js'

const events = topic('events', { key: text(), value: json<unknown>() })
const rows = topic('rows', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<unknown>() })
const pipeline = stream(events)
  .join(table(rows), (_, row) => row)
  .to(results)

async function started(clock: ManualClock, log: Log<Guarantee>, stores: StateStores = memoryStores()) {
  const told: AppEvent[] = []
  const options = { application: 'a', log, clock, stores, cache: false, commitEvery: '1ms' } as const
  const app = await run(pipeline, { ...options, onEvent: (event) => told.push(event) })
  await app.ready
  const types = ['state', 'stalled', 'stall-ended']
  told.length = 0
  return { app, told: () => told.filter(({ type }) => types.includes(type)) }
}

/** Memory stores whose reads, or commits, do not end while `hangs` says so. */
function hangingStores() {
  const inner = memoryStores()
  const state: { hangs: 'read' | 'commit' | 'no'; goOn: () => void } = { hangs: 'no', goOn: () => {} }
  const hang = () =>
    new Promise<void>((resolve) => {
      state.goOn = resolve
    })
  const hanging = (store: StateStore): StateStore => ({
    get position() {
      return store.position
    },
    async getMany(keys) {
      if (state.hangs === 'read') await hang()
      return store.getMany(keys)
    },
    async commit(changes, position) {
      if (state.hangs === 'commit') await hang()
      return store.commit(changes, position)
    },
    entries: () => store.entries(),
    clear: () => store.clear(),
    close: () => store.close(),
  })
  const stores: StateStores = {
    open: async (id) => (id.name === rows.name ? hanging(await inner.open(id)) : inner.open(id)),
  }
  return { stores, state }
}

describe('a task whose commits are rejected again and again', () => {
  it('makes the application not ready after the session timeout, stalled, and well again when that ends', async () => {
    const clock = new ManualClock(0)
    let isRejected = false
    const inner = memoryLog({ clock })
    const log = faultyLog(inner, { commit: () => (isRejected ? 'rejected' : undefined) })
    const { app, told } = await started(clock, log)
    await produce(inner, rows, { key: 'k', value: 1 })
    await pass(clock, 20_000)
    isRejected = true
    await produce(inner, events, { key: 'k', value: 1 })
    await pass(clock, 9_500)
    // it reaches `running` at each attempt
    expect(app.health()).toMatchObject({ ready: true, state: 'running', stalled: [] })
    expect(told()).toEqual([])
    await pass(clock, 15_000)
    expect(app.health()).toMatchObject({ live: true, ready: false, started: true, state: 'restoring' })
    expect(app.health().stalled).toEqual([
      { task: 0, forMs: expect.closeTo(24_500, -3), reasons: [expect.stringContaining('a commit was rejected')] },
    ])
    expect(app.metrics().gauges).toMatchObject({ stalledTasks: 1, stalledMs: expect.closeTo(24_500, -3) })
    expect(openMetrics(app.metrics())).toContain('joinery_stalled_tasks 1\n')
    expect(told()).toEqual([
      { type: 'stalled', task: 0, forMs: expect.any(Number), reasons: [expect.stringContaining('was rejected')] },
      { type: 'state', from: 'running', to: 'restoring' },
    ])
    isRejected = false
    await pass(clock, 15_100)
    expect(app.health()).toMatchObject({ ready: true, state: 'running', stalled: [], problems: [] })
    expect(openMetrics(app.metrics())).toContain('joinery_stalled_tasks 0\n')
    expect(told().slice(2)).toEqual([
      { type: 'state', from: 'restoring', to: 'running' },
      { type: 'stall-ended', task: 0, afterMs: expect.any(Number) },
    ])
    await app.close()
  })
})

describe('a task that is reopened once', () => {
  it('stays ready', async () => {
    const clock = new ManualClock(0)
    let faults = 1
    const inner = memoryLog({ clock })
    const log = faultyLog(inner, { commit: () => (faults-- > 0 ? 'rejected' : undefined) })
    const { app, told } = await started(clock, log)
    await produce(inner, rows, { key: 'k', value: 1 })
    await pass(clock, 1_000)
    expect([app.health().ready, told()]).toEqual([true, []])
    await app.close()
  })
})

describe('a store that does not respond', () => {
  it.each([
    ['read', 'getMany'],
    ['commit', 'commit'],
  ] as const)(
    'is a problem, a stall, and after the session timeout the application is not ready: %s',
    async (call, method) => {
      const clock = new ManualClock(0)
      const log = memoryLog({ clock })
      const { stores, state } = hangingStores()
      const { app, told } = await started(clock, log, stores)
      state.hangs = call
      if (call === 'commit') await produce(log, rows, { key: 'k', value: 1 })
      await produce(log, events, { key: 'k', value: 1 })
      await pass(clock, 6_000)
      const problem = expect.stringMatching(
        new RegExp(`^waiting for ${method} of store rows\\[0\\], which has taken \\d+ s`),
      )
      expect(app.health()).toMatchObject({ ready: true, problems: [problem], stalled: [] })
      await pass(clock, 15_000)
      expect(app.health()).toMatchObject({ ready: false, stalled: [{ task: 0, reasons: [problem] }] })
      state.hangs = 'no'
      state.goOn()
      await pass(clock, 10_000)
      expect(app.health()).toMatchObject({ ready: true, problems: [], stalled: [] })
      expect(app.metrics().pipelines.events).toMatchObject({ in: 1, emitted: call === 'commit' ? 1 : 0 })
      expect(told().map(({ type }) => type)).toEqual(['stalled', 'state', 'stall-ended', 'state'])
      await app.close()
    },
  )
})

describe('a commit that does not return', () => {
  it.each([
    [undefined, 10_000],
    [1_000, 1_000],
    [60_000, 60_000],
  ])(
    'is a problem, and makes the application not ready after the session timeout: %s ms',
    async (option, sessionMs) => {
      const clock = new ManualClock(0)
      const inner = memoryLog({ clock })
      const state: { hangs: boolean; goOn: () => void } = { hangs: false, goOn: () => {} }
      const hang = () =>
        new Promise<void>((resolve) => {
          state.goOn = resolve
        })
      const tasks: Log<Guarantee>['tasks'] = {
        guarantees: inner.tasks.guarantees,
        prepare: (options) => inner.tasks.prepare(options),
        open: async (options) => {
          const session = await inner.tasks.open(options)
          const commit: typeof session.commit = async (work) => {
            if (state.hangs) await hang()
            return session.commit(work)
          }
          return new Proxy(session, {
            get: (of, name) => {
              const found = name === 'commit' ? commit : Reflect.get(of, name, of)
              return typeof found === 'function' ? found.bind(of) : found
            },
          })
        },
      }
      const group = {
        join: inner.group.join.bind(inner.group),
        ...(option !== undefined && { sessionTimeoutMs: option }),
      }
      const log = { ...inner, tasks, group, [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]() }
      const { app, told } = await started(clock, log)
      await produce(inner, rows, { key: 'k', value: 1 })
      await pass(clock, 1_000)
      state.hangs = true
      await produce(inner, events, { key: 'k', value: 1 })
      const namedMs = Math.min(5_000, sessionMs)
      await pass(clock, namedMs - 100)
      expect(app.health()).toMatchObject({ ready: true, problems: [] })
      await pass(clock, 200)
      const problem = expect.stringMatching(/^task 0 waits for its commit, which has taken \d+ s: check the brokers$/)
      expect(app.health()).toMatchObject({ ready: namedMs < sessionMs, problems: [problem] })
      await pass(clock, sessionMs - namedMs - 200)
      expect(app.health().ready).toBe(namedMs < sessionMs)
      await pass(clock, 21_000)
      expect(app.health()).toMatchObject({
        ready: false,
        problems: [problem],
        stalled: [{ task: 0, reasons: [problem] }],
      })
      state.hangs = false
      state.goOn()
      await pass(clock, 10_000)
      expect(app.health()).toMatchObject({ ready: true, state: 'running', problems: [], stalled: [] })
      expect(app.metrics().pipelines.events).toMatchObject({ in: 1, emitted: 1 })
      expect(told().map(({ type }) => type)).toEqual(expect.arrayContaining(['stalled', 'stall-ended']))
      await app.close()
    },
  )
})

describe('an open transaction of another producer', () => {
  it('is a problem and a stall, but the task runs', async () => {
    const clock = new ManualClock(0)
    const { log, hold } = heldLog(clock, events.name)
    const { app, told } = await started(clock, log)
    hold(11)
    await pass(clock, 9_000)
    expect(app.health()).toMatchObject({ ready: true, problems: [], stalled: [] })
    await pass(clock, 3_000)
    const problem = expect.stringContaining('open for 11 s at offset 0 of events[0], and 11 offsets cannot be read')
    expect(app.health()).toMatchObject({ ready: true, state: 'running', problems: [problem] })
    expect(app.health().stalled).toEqual([{ task: 0, forMs: expect.closeTo(11_000, -3), reasons: [problem] }])
    hold(0)
    await pass(clock, 1_000)
    expect(app.health()).toMatchObject({ ready: true, problems: [], stalled: [] })
    expect(told().map(({ type }) => type)).toEqual(['stalled', 'stall-ended'])
    await app.close()
  })
})

describe('an application with nothing to do', () => {
  it('is not stalled, and neither is it when something arrives after a long time', async () => {
    const clock = new ManualClock(0)
    const log = memoryLog({ clock })
    const { app, told } = await started(clock, log)
    await pass(clock, 60_000)
    await produce(log, events, { key: 'k', value: 1 })
    expect(app.health()).toMatchObject({ ready: true, stalled: [] })
    await pass(clock, 1_000)
    expect(app.metrics().pipelines.events?.in).toBe(1)
    expect(told()).toEqual([])
    await app.close()
  })
})

describe('a task that waits as long as it was told to', () => {
  it('is not stalled', async () => {
    const clock = new ManualClock(0)
    const log = memoryLog({ clock })
    const app = await run(pipeline, { application: 'a', log, clock, commitEvery: '1m' })
    await pass(clock, 200)
    await produce(log, events, { key: 'k', value: 1 })
    await pass(clock, 50_000)
    expect(app.health().stalled).toEqual([])
    await app.close()
  })
})
