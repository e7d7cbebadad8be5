import { describe, expect, it } from 'vitest'
import { type App, memoryLog, produce, run, stream } from '../../src/index.js'
import type { GroupMember, Log } from '../../src/log.js'
import { activations, notifications } from './activation.js'

const failure = new Error('the membership ended')

/** A log of which a test can end the membership. */
function failing(inner: Log<'exactly-once'> = memoryLog()) {
  const members: GroupMember[] = []
  const log: Log<'exactly-once'> = {
    ...inner,
    group: {
      join(group, topics, member) {
        members.push(member)
        return inner.group.join(group, topics, member)
      },
    },
  }
  return { log, fail: () => members[0]?.failed(failure) }
}

const pipeline = stream(activations)
  .mapValues(({ n }) => ({ n, id: 'x' }))
  .to(notifications)
const start = (log: Log<'exactly-once'>) => run(pipeline, { application: 'a', log })
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** @returns the rejections that Node reports as unhandled while `use` runs, and in the next turns */
async function unhandledIn(use: () => Promise<void>): Promise<unknown[]> {
  const found: unknown[] = []
  const others = process.listeners('unhandledRejection') // those of the test runner
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => found.push(error))
  try {
    await use()
    for (let i = 0; i < 3; i++) await turn()
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of others) process.on('unhandledRejection', listener)
  }
  return found
}

/** What a user does with an application, before it fails or after that. */
const USERS: readonly [string, { before?: (app: App) => unknown; after?: (app: App) => unknown }, number][] = [
  ['awaits nothing', {}, 1],
  ['awaits closed', { before: ({ closed }) => closed.catch(() => {}) }, 0],
  ['awaits ready, which it was', { before: ({ ready }) => ready }, 1],
  ['awaits closed later, as in a finally', { after: ({ closed }) => closed.catch(() => {}) }, 1],
  ['closes it later, or leaves the block of an await using', { after: (app) => app.close() }, 1],
  [
    'awaits closed, and closes it later',
    { before: ({ closed }) => closed.catch(() => {}), after: (app) => app.close() },
    0,
  ],
]

describe('a failure of a running application', () => {
  it.each(USERS)('whose user %s is unhandled at most once', async (_, { before, after }, times) => {
    const { log, fail } = failing()
    const unhandled = await unhandledIn(async () => {
      const app = await start(log)
      await app.ready
      before?.(app)
      fail()
      await turn()
      await after?.(app)
      expect(app.health()).toMatchObject({
        state: 'failed',
        problems: ['the application has failed: the membership ended'],
      })
    })
    expect(unhandled).toEqual(Array.from({ length: times }, () => failure))
  })

  it('is unhandled if its signal is aborted, and closing fails', async () => {
    const stop = new AbortController()
    const { log } = failing()
    const broken: Log<'exactly-once'> = {
      ...log,
      group: {
        join: async (...args) => ({ ...(await log.group.join(...args)), leave: () => Promise.reject(failure) }),
      },
    }
    const unhandled = await unhandledIn(async () => {
      const app = await run(pipeline, { application: 'a', log: broken, signal: stop.signal })
      await app.ready
      stop.abort()
      await expect.poll(() => app.health().state).toBe('failed')
    })
    expect(unhandled).toEqual([failure])
  })
})

describe('a failure while an application closes', () => {
  it.each(['closed', 'nothing else'])('rejects the promise of close, and is handled there: %s', async (taken) => {
    const { log, fail } = failing()
    const unhandled = await unhandledIn(async () => {
      const app = await start(log)
      await app.ready
      if (taken === 'closed') app.closed
      const closing = app.close()
      fail()
      await expect(closing).rejects.toBe(failure)
      await expect(app.closed).rejects.toBe(failure)
    })
    expect(unhandled).toEqual([])
  })
})

describe('a failure before an application is ready', () => {
  /** The first task is never opened. */
  const starting = () => {
    const inner = memoryLog()
    return failing({
      ...inner,
      tasks: {
        guarantees: ['exactly-once'],
        prepare: (options) => inner.tasks.prepare(options),
        open: () => new Promise(() => {}),
      },
    })
  }
  const ready = ({ ready }: App) => ready.catch(() => {})
  const closed = ({ closed }: App) => closed.catch(() => {})

  it.each([
    ['nothing', [], 1],
    ['ready', [ready], 0],
    ['closed', [closed], 0],
    ['both', [ready, closed], 0],
  ] as const)('is unhandled at most once, if its user awaits %s', async (_, awaited, times) => {
    const { log, fail } = starting()
    const unhandled = await unhandledIn(async () => {
      const app = await start(log)
      const awaiting = awaited.map((each) => each(app))
      fail()
      await Promise.all(awaiting)
      if (times === 0) await expect(app.closed).rejects.toBe(failure)
    })
    expect(unhandled).toEqual(Array.from({ length: times }, () => failure))
  })

  it.each([
    ['ready', ready],
    ['closed', closed],
  ])('also if it fails before run returns, and %s is awaited then', async (_, awaited) => {
    const inner = failing()
    const log: Log<'exactly-once'> = {
      ...inner.log,
      group: {
        async join(...args) {
          const membership = await inner.log.group.join(...args)
          inner.fail()
          await turn()
          return membership
        },
      },
    }
    const unhandled = await unhandledIn(async () => {
      const app = await start(log)
      await awaited(app)
      await expect(app.closed).rejects.toBe(failure)
      await expect(app.ready).rejects.toBe(failure)
    })
    expect(unhandled).toEqual([])
  })
})

describe('an application without a failure', () => {
  it('is closed before it is ready without an unhandled rejection', async () => {
    const unhandled = await unhandledIn(async () => {
      const log = memoryLog()
      await produce(log, activations, { key: 'k', value: { n: 1 } })
      const app = await start(log)
      const { ready } = app
      await app.close()
      await ready.catch(() => {})
      await app.closed
    })
    expect(unhandled).toEqual([])
  })
})
