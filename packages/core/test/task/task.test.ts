import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { encodeStorePosition } from '../../src/changelog/store-position.js'
import { JoineryError } from '../../src/errors.js'
import { json, memoryLog, memoryStores, stream, table, text, topic } from '../../src/index.js'
import type { Log, Origin } from '../../src/log.js'
import type { StateStore, StateStores } from '../../src/store.js'
import { ManualClock } from '../../src/testing.js'
import { activations, information } from '../app/activation.js'
import { type RunningTaskOptions, runningTask } from './running-task.js'
import { taskWorld } from './task-world.js'

/** A log of whose topic `information` nothing arrives. */
function readingForever(inner: RunningTaskOptions['log']) {
  const { source } = inner
  let [hasBegun, isAborted] = [false, false]
  const log = {
    ...inner,
    source: {
      describe: source.describe.bind(source),
      endOffset: source.endOffset.bind(source),
      earliestOffset: source.earliestOffset.bind(source),
      async *read(from: Origin, signal: AbortSignal) {
        if (from.topic !== 'information') return yield* source.read(from, signal)
        hasBegun = true
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve()
          signal.addEventListener('abort', () => resolve())
        })
        isAborted = true
      },
    },
  }
  const begun = () => expect.poll(() => hasBegun).toBe(true)
  return { log: log as unknown as typeof inner, hasBegun: begun, isAborted: () => isAborted }
}

/** Stores in memory, which fail with an error while there is one. */
function fallibleStores() {
  const inner = memoryStores()
  const hooks = { commitFails: undefined as Error | undefined, closeFails: undefined as Error | undefined, closed: 0 }
  const stores: StateStores = {
    async open(id) {
      const store = await inner.open(id)
      const fallible: StateStore = {
        get position() {
          return store.position
        },
        getMany: (keys) => store.getMany(keys),
        commit(changes, position) {
          if (hooks.commitFails !== undefined) throw hooks.commitFails
          return store.commit(changes, position)
        },
        entries: () => store.entries(),
        clear: () => store.clear(),
        close() {
          hooks.closed++
          if (hooks.closeFails !== undefined) throw hooks.closeFails
          return store.close()
        },
      }
      return fallible
    },
  }
  return { stores, hooks }
}

const row = (log: Log, key: string) => produce(log, information, { key, value: { id: key } })
const event = (log: Log, key: string) => produce(log, activations, { key, value: { n: 1 } })
const failed = (code: 'LOG_FAILED' | 'STORE_FENCED' | 'NOT_AUTHORIZED', retriable: boolean) =>
  new JoineryError(code, `it says ${code}`, { retriable })

describe('a task', () => {
  it('reports what it has restored and how long that took, and runs once its tables are loaded', async () => {
    const { clock, log, hooks, start } = taskWorld()
    for (const key of ['x', 'y', 'z']) await row(log, key)
    const first = await start()
    await first.settled()
    expect(first.events).toEqual([['restored', 0, 0, 0], ['running']])
    expect(first.task).toMatchObject({ phase: 'running', runningCalls: 0 })
    expect(first.task.health.problems(10_000)).toEqual([])
    await event(log, 'x')
    await first.settled()
    await first.task.close()

    hooks.open = () => clock.advance(7)
    const second = await start()
    await second.settled()
    expect(second.events).toEqual([['restored', 0, 3, 7], ['running']])
    // as of the last commit, which was not this one's
    expect(second.task.totals).toMatchObject({ activation: { in: 1, emitted: 1 } })
    await second.task.close()
  })

  it('commits what it has processed when it is closed, and has ended then', async () => {
    const { clock, log, hooks, start } = taskWorld()
    const { stores, hooks: storeHooks } = fallibleStores()
    const { task, events, settled, hasWaiting } = await start({ stores })
    await settled()
    await event(log, 'none')
    await hasWaiting()
    expect(task.totals).toMatchObject({ activation: { in: 0 } })
    await task.close()
    expect(task.totals).toMatchObject({ activation: { in: 1, waiting: 1 } })
    expect([task.phase, task.state, task.isIdle]).toEqual(['ended', undefined, false])
    expect([hooks.closedSessions, storeHooks.closed]).toEqual([1, 2])
    expect(events).toEqual([['restored', 0, 0, 0], ['running']])
    await task.pause() // of what has ended is over at once
    expect(clock.nextTimer).toBeUndefined()
  })

  it('commits nothing when it is lost', async () => {
    const { log, hooks, start } = taskWorld()
    const { task, events, settled, hasWaiting } = await start()
    await settled()
    await event(log, 'none')
    await hasWaiting()
    await task.closeDirty()
    expect([task.phase, hooks.closedSessions]).toEqual(['ended', 1])
    const next = await start()
    await next.isRunning()
    expect(next.task.totals).toMatchObject({ activation: { in: 0 } })
    expect(events).toEqual([['restored', 0, 0, 0], ['running']])
    await next.task.close()
  })

  it('takes no more records while it is paused, which it is once everything is committed', async () => {
    const { log, hooks, start } = taskWorld()
    const { task, settled } = await start()
    await settled()
    const commits: (() => void)[] = []
    hooks.commit = () => {
      hooks.commit = undefined
      return new Promise((resolve) => commits.push(() => resolve({ outcome: 'rejected' })))
    }
    await row(log, 'x')
    await event(log, 'x')
    await expect.poll(() => task.gauges().uncommittedBytes).toBeGreaterThan(0)
    let isPaused = false
    const paused = task.pause().then(() => {
      isPaused = true
    })
    await expect.poll(() => commits.length).toBe(1)
    expect([task.phase, isPaused]).toEqual(['paused', false])
    for (const end of commits.splice(0)) end()
    await paused
    await event(log, 'x')
    task.resume()
    await settled()
    expect(task.phase).toBe('running')
    expect(task.totals).toMatchObject({ activation: { in: 2, emitted: 2 } })
    await task.close()
  })

  it('that is paused while it is opened opens again when it is resumed, and reports no error', async () => {
    const { clock, hooks, start } = taskWorld()
    let goOn: () => void = () => {}
    let opened = 0
    hooks.open = () => {
      opened++
      return new Promise((resolve) => {
        goOn = resolve
      })
    }
    const { task, events, isRunning } = await start()
    await expect.poll(() => opened).toBe(1)
    const paused = task.pause()
    goOn()
    await paused
    await clock.advance(1_000)
    expect([task.phase, hooks.closedSessions, opened]).toEqual(['restoring', 1, 1])
    hooks.open = undefined
    task.resume()
    await isRunning()
    expect(events.filter(([what]) => what !== 'restored' && what !== 'running')).toEqual([])
    await task.close()
  })

  it.each([
    ['is closed', 'close'],
    ['is lost', 'closeDirty'],
    ['is paused', 'pause'],
  ] as const)('stops reading its state when it %s while it restores', async (_, how) => {
    const { log, start } = taskWorld()
    await row(log, 'x')
    const first = await start()
    await first.settled()
    await first.task.close()
    const reading = readingForever(log)
    const { task, events } = await start({ log: reading.log })
    await reading.hasBegun()
    expect(task.phase).toBe('restoring')
    await task[how]()
    expect([reading.isAborted(), events]).toEqual([true, []])
    await task.closeDirty()
  })

  it('does not begin to read its state if it is closed while it is opened', async () => {
    const { log, hooks, start } = taskWorld()
    await row(log, 'x')
    const first = await start()
    await first.settled()
    await first.task.close()
    let goOn: () => void = () => {}
    hooks.open = () =>
      new Promise((resolve) => {
        goOn = resolve
      })
    const { task, events } = await start({ log: readingForever(log).log })
    await expect.poll(() => task.phase).toBe('opening')
    await Promise.resolve()
    const closed = task.close()
    goOn()
    await closed
    expect([task.phase, events]).toEqual(['ended', []])
  })

  it('that is paused while a store does not take a commit is paused once it does', async () => {
    const { clock, log, start } = taskWorld()
    const { stores, hooks: storeHooks } = fallibleStores()
    const { task, events, settled, hasWaiting } = await start({ stores })
    await settled()
    storeHooks.commitFails = new JoineryError('STORE_FAILED', 'down', { retriable: true })
    await event(log, 'none')
    await hasWaiting()
    const paused = task.pause()
    await expect.poll(() => events.length).toBe(3)
    storeHooks.commitFails = undefined
    await clock.advance(50)
    await paused
    expect(events.slice(2)).toEqual([['retrying', 'STORE_FAILED', 50]])
    expect([task.phase, task.health.problems(10_000)]).toEqual(['paused', []])
    await task.close()
  })

  it('is paused only after its session has ended, if a commit failed', async () => {
    const { clock, log, hooks, start } = taskWorld()
    const { task, settled, hasWaiting } = await start()
    await settled()
    hooks.commit = () => Promise.resolve({ outcome: 'rejected' })
    let closeSession: () => void = () => {}
    hooks.close = () =>
      new Promise((resolve) => {
        closeSession = resolve
      })
    await event(log, 'none')
    await hasWaiting()
    let isPaused = false
    const paused = task.pause().then(() => {
      isPaused = true
    })
    await expect.poll(() => hooks.closedSessions).toBe(1)
    await clock.yieldToEventLoop()
    expect(isPaused).toBe(false)
    closeSession()
    await paused
    hooks.close = undefined
    await task.close()
  })

  it('releases callers that wait for its pause when it is resumed, although its session is never opened', async () => {
    const { hooks, start } = taskWorld()
    hooks.open = () => new Promise(() => {})
    const { task } = await start()
    const paused = task.pause()
    task.resume()
    await paused
  })

  it('releases callers that wait for its pause when it is lost', async () => {
    const { hooks, start } = taskWorld()
    let goOn: () => void = () => {}
    hooks.open = () =>
      new Promise((resolve) => {
        goOn = resolve
      })
    const { task } = await start()
    const [paused, lost] = [task.pause(), task.closeDirty()]
    await Promise.resolve()
    goOn()
    await lost
    await paused
    expect(task.phase).toBe('ended')
  })
})

describe('after an error', () => {
  it.each([
    ['that a retry may fix', failed('LOG_FAILED', true), 'LOG_FAILED'],
    ['because the store is fenced', failed('STORE_FENCED', false), 'STORE_FENCED'],
  ])('%s, a task is opened again after 100, 200, 400 … ms, and reports it', async (_, error, code) => {
    const { clock, hooks, start } = taskWorld()
    let isDown = true
    hooks.open = async () => {
      if (isDown) throw error
    }
    const { task, events, isRunning } = await start()
    for (let ms = 0; ms < 1_000; ms += 10) await clock.advance(10)
    expect(events).toEqual([100, 200, 400, 800].map((ms) => ['retrying', code, ms]))
    expect(task.health.problems(10_000)).toEqual([`task 0 is retrying: ${error.message}`])
    expect(task.phase).toBe('opening')
    isDown = false
    for (let ms = 0; ms < 1_000; ms += 10) await clock.advance(10)
    await isRunning()
    expect(task.health.problems(10_000)).toEqual([])
    await task.close()
  })

  it('that a retry cannot fix, a task ends, and keeps nothing open', async () => {
    const { log, hooks, start } = taskWorld()
    const { stores, hooks: storeHooks } = fallibleStores()
    const { task, events, settled } = await start({ stores })
    await settled()
    await row(log, 'x')
    await settled()
    hooks.commit = () => Promise.reject(failed('NOT_AUTHORIZED', false))
    await event(log, 'x')
    await expect.poll(() => task.gauges().uncommittedBytes).toBeGreaterThan(0)
    await task.pause() // it commits, and fails
    expect(task.phase).toBe('ended')
    expect(events.slice(2)).toEqual([['halted', failed('NOT_AUTHORIZED', false).message]])
    expect([hooks.closedSessions, storeHooks.closed]).toEqual([1, 2])
    await task.close()
  })

  it('of its last commit, a task that is closed ends like any other: the next owner processes it again', async () => {
    const { log, hooks, start } = taskWorld()
    const { task, events, settled, hasWaiting } = await start()
    await settled()
    hooks.commit = () => Promise.reject(failed('NOT_AUTHORIZED', false))
    await event(log, 'none')
    await hasWaiting()
    await task.close()
    expect([task.phase, events.length, hooks.closedSessions]).toEqual(['ended', 2, 1])
  })

  it('of a store that cannot be closed, a task has ended all the same, and reports it', async () => {
    const { start } = taskWorld()
    const { stores, hooks: storeHooks } = fallibleStores()
    const { task, events, settled } = await start({ stores })
    await settled()
    storeHooks.closeFails = new Error('the disk is gone')
    const paused = task.pause()
    await task.close()
    await paused
    expect([task.phase, events.slice(2)]).toEqual([
      'ended',
      [['halted', 'STORE_FAILED: close of store $waiters[0] failed: Error: the disk is gone']],
    ])
  })

  it('a task is opened again at once when it is resumed: the cause may have ended with the last assignment', async () => {
    const { clock, hooks, start } = taskWorld()
    hooks.open = () => Promise.reject(failed('LOG_FAILED', true))
    const { task, events, isRunning } = await start()
    for (let ms = 0; ms < 1_000; ms += 10) await clock.advance(10)
    await task.pause()
    hooks.open = undefined
    task.resume()
    await isRunning() // although the clock does not advance
    expect(events.at(-1)).toEqual(['running'])
    await task.close()
  })

  it.each(['close', 'closeDirty'] as const)('a task that waits for its next attempt can be ended: %s', async (how) => {
    const { hooks, start } = taskWorld()
    hooks.open = () => Promise.reject(failed('LOG_FAILED', true))
    const { task, events } = await start()
    await expect.poll(() => events.length).toBe(1)
    await task[how]()
    expect([task.phase, events.length]).toEqual(['ended', 1])
  })
})

it.each([-1, Number.NaN])('a log whose clock is not known is refused: OWNER was appended at %d', async (openedAt) => {
  const { hooks, start } = taskWorld()
  hooks.openedAt = openedAt
  const { task, events } = await start()
  await expect.poll(() => task.phase).toBe('ended')
  expect(events).toEqual([['halted', expect.stringContaining(`openedAt is ${openedAt}`)]])
  expect(hooks.closedSessions).toBe(1)
})

describe('after a commit that failed', () => {
  it('a task is opened again at once, from the last commit; from the second failure on it waits', async () => {
    const { clock, log, hooks, start } = taskWorld()
    const { task, events, settled, hasWaiting, isRunning } = await start()
    await settled()
    let failures = 2
    hooks.commit = () => (failures-- > 0 ? Promise.resolve({ outcome: 'rejected' } as const) : undefined)
    await event(log, 'none')
    await hasWaiting()
    await clock.advance(100)
    await expect.poll(() => events.length).toBe(5)
    expect(events.slice(2)).toEqual([['reopening', 0, 'a commit was rejected'], ['restored', 0, 0, 0], ['running']])
    expect([task.totals, task.health.problems(10_000)]).toMatchObject([{ activation: { in: 0 } }, []])
    await hasWaiting()
    await clock.advance(100)
    await expect.poll(() => events.length).toBe(7)
    expect(events.slice(5)).toEqual([
      ['retrying', 'LOG_FAILED', 200],
      ['reopening', 0, 'a commit was rejected'],
    ])
    expect(task.health.problems(10_000).join()).toContain(
      'task 0 is retrying: LOG_FAILED: the task was reopened repeatedly: a commit was rejected',
    )
    // between two attempts, the last known sizes are reported
    expect([task.state, task.gauges().waitingRecords, task.oldestWaitMs('activation')]).toEqual([undefined, 1, 100])
    await clock.advance(199)
    expect(events).toHaveLength(7)
    await clock.advance(1)
    await isRunning()
    await settled()
    expect(task.totals).toMatchObject({ activation: { in: 1, waiting: 1 } })
    failures = 1
    await event(log, 'none')
    await hasWaiting(2)
    await clock.advance(100)
    await expect.poll(() => events.length).toBe(12) // a success makes the next failure the first one again
    expect(events.slice(9)).toEqual([['reopening', 0, 'a commit was rejected'], ['restored', 0, 0, 0], ['running']])
    await task.close()
  })
})

describe('the inputs of a task', () => {
  const [first, second] = ['first', 'second'].map((name) => topic(name, { key: text(), value: json<number>() }))
  const options = { inDoubt: { deadLetter: 'in-doubt' } }

  it('are its tables, its streams, the streams of its calls, and the reports of calls, in this order', async () => {
    const { start } = taskWorld()
    const other = topic('other', { key: text(), value: json<number>() })
    const asked = topic('asked', { key: text(), value: json<number>() })
    const out = topic('out', { key: text(), value: json<number>() })
    const pipeline = [
      stream(asked).callOnce(async () => {}, options),
      stream(activations)
        .join(table(information), () => 1)
        .join(table(first as typeof other), () => 2)
        .to(out),
      stream(second as typeof other).to(out),
      stream(other).callOnce(async () => {}, options),
    ]
    const { task, settled } = await start({ pipeline })
    await settled()
    const { inputs = [], tables = [] } = task.state ?? {}
    expect(inputs.map(({ topic, rank }) => [rank, topic])).toEqual([
      [0, 'information'],
      [1, 'first'],
      [2, 'activation'],
      [3, 'second'],
      [4, 'asked'],
      [5, 'other'],
      [6, 'a.calls.reports'],
    ])
    expect(tables.map(({ hasExactRows }) => hasExactRows)).toEqual([true, true])
    await task.close()
  })

  it('are none if the store of its calls has seen more than the changelog holds', async () => {
    const { start } = taskWorld()
    const inner = memoryStores()
    const stores: StateStores = {
      async open(id) {
        const store = await inner.open(id)
        const seen = encodeStorePosition({ topic: id.changelogId, offset: id.token + 1, caughtUpAt: 0 })
        return {
          position: id.name === '$calls' ? seen : store.position,
          getMany: (keys) => store.getMany(keys),
          commit: (changes, position) => store.commit(changes, position),
          entries: () => store.entries(),
          clear: () => store.clear(),
          close: () => store.close(),
        }
      },
    }
    const { task, events } = await start({
      pipeline: stream(second as never).callOnce(async () => {}, options),
      stores,
    })
    await expect.poll(() => task.phase).toBe('ended')
    expect(events).toEqual([
      ['halted', expect.stringContaining('CHANGELOG_INVALID: a-changelog[0] is not the changelog')],
    ])
  })
})

describe('a query that failed', () => {
  it('has the task opened again if its store is fenced, and changes nothing otherwise', async () => {
    const { clock, start } = taskWorld()
    const { task, events, settled, isRunning } = await start()
    await settled()
    const store = task.storeOf('information')
    expect(store?.name).toBe('information')
    expect(task.storeOf('activation')).toBeUndefined()
    task.queryFailed(new JoineryError('STORE_FAILED', 'down', { retriable: true }))
    await settled()
    expect(events).toHaveLength(2)
    task.queryFailed(failed('STORE_FENCED', false))
    await expect.poll(() => events.length).toBe(3)
    expect(events[2]).toEqual(['retrying', 'STORE_FENCED', 100])
    await expect.poll(() => task.state).toBeUndefined()
    task.queryFailed(failed('STORE_FENCED', false)) // of an attempt that is over
    await clock.advance(100)
    await isRunning()
    expect(events.slice(3)).toEqual([['restored', 0, 0, expect.any(Number)], ['running']])
    await task.close()
  })
})

describe('the calls of a task', () => {
  const asked = topic('asked', { key: text(), value: json<number>() })

  /** A task with one call under way. */
  async function calling() {
    const clock = new ManualClock(0)
    const log = memoryLog({ clock })
    const returns: (() => void)[] = []
    const call = () => new Promise<void>((resolve) => returns.push(resolve))
    const pipeline = stream(asked).callOnce(call, { inDoubt: { deadLetter: 'in-doubt' } })
    const running = await runningTask({ pipeline, log, clock })
    await produce(log, asked, { key: 'a', value: 1 })
    for (let turn = 0; turn < 100 && returns.length === 0; turn++) await clock.advance(10)
    return { ...running, clock, settle: () => returns.shift()?.() }
  }

  it('are awaited when it is closed, and their outcomes are committed', async () => {
    const { task, settle, reports } = await calling()
    expect([task.runningCalls, task.isIdle]).toEqual([1, true])
    let isClosed = false
    const closed = task.close().then(() => {
      isClosed = true
    })
    await expect.poll(() => task.phase).toBe('paused')
    expect(isClosed).toBe(false)
    settle()
    await closed
    expect([task.totals, task.runningCalls, reports]).toMatchObject([{ asked: { emitted: 1 } }, 0, []])
  })

  it('report to the next owner when it is lost', async () => {
    const { task, settle, reports } = await calling()
    await task.closeDirty('lost')
    expect(reports).toEqual([])
    settle()
    await expect.poll(() => reports).toMatchObject([['asked', { report: { outcome: 'done', by: 'claimant' } }]])
  })

  it('report nothing when the process crashes', async () => {
    const { task, clock, settle, reports, callDispatchers } = await calling()
    await task.closeDirty('crash')
    settle()
    await clock.advance(1_000)
    expect([reports, callDispatchers.get('asked')?.running]).toEqual([[], 0])
  })
})
