import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import {
  type AppEvent,
  JoineryError,
  json,
  memoryLog,
  memoryStores,
  run,
  stream,
  table,
  text,
  topic,
} from '../../src/index.js'
import type { Log, TaskSession } from '../../src/log.js'
import { ReopenBackoff, reopenedRepeatedly } from '../../src/task/reopen-backoff.js'
import { faultyLog, ManualClock } from '../../src/testing.js'

const asked = topic('asked', { key: text(), value: json<unknown>() })
const rows = topic('rows', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<unknown>() })

/** Commits that do not end while `isHanging`. */
function hangingLog(inner: Log<'exactly-once'>) {
  const state = { isHanging: false, goOn: () => {} }
  const hanging = (session: TaskSession): TaskSession => ({
    token: session.token,
    openedAt: session.openedAt,
    changelog: session.changelog,
    close: () => session.close(),
    async commit(work) {
      if (state.isHanging)
        await new Promise<void>((resolve) => {
          state.goOn = resolve
        })
      return session.commit(work)
    },
  })
  const log: Log<'exactly-once'> = {
    ...inner,
    tasks: {
      guarantees: inner.tasks.guarantees,
      prepare: (options) => inner.tasks.prepare(options),
      open: async (options) => hanging(await inner.tasks.open(options)),
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  return { log, state }
}

/** In small steps, so that what comes of each is done before the next. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) await clock.advance(50)
}

describe('the delay before a task is opened again', () => {
  it('is 100 ms at first, doubles up to 5 s, and starts over after a success', () => {
    const backoff = new ReopenBackoff()
    const failures = Array.from({ length: 9 }, () => backoff.failed())
    expect(failures.map(({ ms }) => ms)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
    expect(failures.map(({ isFirst }) => isFirst)).toEqual([true, ...Array.from({ length: 8 }, () => false)])
    expect(backoff.until).toBe(0)
    backoff.waitUntil(7_000)
    expect(backoff.until).toBe(7_000)
    backoff.reset()
    expect([backoff.until, backoff.failed()]).toEqual([0, { ms: 100, isFirst: true }])
  })

  it('is reported with the reason, also if nothing was thrown', () => {
    expect(reopenedRepeatedly({ reason: 'a commit was rejected' }, 3)).toMatchObject({
      code: 'LOG_FAILED',
      message: 'LOG_FAILED: the task was reopened repeatedly: a commit was rejected',
      retriable: true,
      partition: 3,
    })
  })

  it('is reported with the error of the store that has to be restored', () => {
    const error = new JoineryError('STORE_BEHIND', 'rows were lost', { retriable: true })
    expect(reopenedRepeatedly({ reason: error.message, error }, 3)).toBe(error)
  })
})

describe('a task that gets nowhere', () => {
  it('is opened again at once after a commit that failed, and then ever more seldom', async () => {
    const clock = new ManualClock(0)
    const log = faultyLog(memoryLog({ clock }), { commit: () => 'rejected' })
    const waits: number[] = []
    let reopened = 0
    const onEvent = (event: AppEvent) => {
      if (event.type === 'reopening') reopened++
      if (event.type === 'retrying') waits.push(event.inMs)
    }
    const app = await run(stream(asked).to(results), { application: 'b', log, clock, commitEvery: '1ms', onEvent })
    await app.ready
    await produce(log, asked, { key: 'a', value: 1 })
    for (let ms = 0; ms < 10_000; ms++) await clock.advance(1)
    expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 5_000])
    expect(reopened).toBe(7)
    expect(app.health().problems.join()).toContain('the task was reopened repeatedly: a commit was rejected')
    await app.close({ timeout: '0ms' }).catch(() => {})
  })

  it('rests though records arrive', async () => {
    const clock = new ManualClock(0)
    const log = memoryLog({ clock })
    const inner = memoryStores()
    let isDown = false
    let opened = 0
    const app = await run(
      stream(asked)
        .join(table(rows), (_, row) => row)
        .to(results),
      {
        application: 'b',
        log,
        clock,
        stores: {
          async open(id) {
            const store = await inner.open(id)
            if (id.name !== rows.name) return store
            if (isDown) opened++
            return {
              position: store.position,
              async getMany(keys) {
                if (!isDown) return store.getMany(keys)
                await produce(log, rows, { key: 'other', value: 1 })
                await clock.yieldToEventLoop()
                await clock.yieldToEventLoop()
                throw new Error('down')
              },
              commit: (changes, position) => store.commit(changes, position),
              entries: () => store.entries(),
              clear: () => store.clear(),
              close: () => store.close(),
            }
          },
        },
      },
    )
    await produce(log, rows, { key: 'a', value: 1 })
    await pass(clock, 2_000)
    await app.ready
    isDown = true
    await produce(log, asked, { key: 'a', value: 1 })
    for (let turn = 0; turn < 500; turn++) await clock.yieldToEventLoop()
    expect(opened).toBeLessThan(2)
    isDown = false
    await pass(clock, 10_000)
    expect(app.metrics().pipelines.asked?.emitted).toBe(1)
    await app.close()
  })

  it('sleeps while a commit is under way and there is no room for more', async () => {
    const clock = new ManualClock(0)
    const { log, state } = hangingLog(memoryLog({ clock }))
    const app = await run(
      stream(asked)
        .join(table(rows), (event) => ({ event }), { wait: { atMost: '1s', otherwise: 'drop' } })
        .to(results),
      { application: 'b', log, clock },
    )
    await clock.advance(1_000)
    await app.ready
    state.isHanging = true
    await produce(log, asked, { key: 'a', value: 1 })
    await clock.advance(150) // its commit hangs
    await produce(log, asked, ...Array.from({ length: 12 }, (_, i) => ({ key: `k${i}`, value: 'x'.repeat(500_000) })))
    await clock.advance(20)
    const set = clock.setTimeout.bind(clock)
    let turns = 0
    clock.setTimeout = (turn, ms) => {
      if (ms === 0 && ++turns === 100) state.goOn() // else this test would never end
      return set(turn, ms)
    }
    await clock.advance(2_000) // deadlines pass meanwhile
    expect(turns).toBeLessThan(20)
    state.isHanging = false
    state.goOn()
    await pass(clock, 5_000)
    expect(app.metrics().pipelines.asked).toMatchObject({ in: 13, waiting: 0 })
    await app.close()
  })
})
