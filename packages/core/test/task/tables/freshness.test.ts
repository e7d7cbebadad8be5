import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { delay } from '../../../src/clock.js'
import { type AppEvent, memoryLog, memoryStores, run } from '../../../src/index.js'
import type { Log } from '../../../src/log.js'
import type { StateStores } from '../../../src/store.js'
import { faultyLog, ManualClock, testDriver } from '../../../src/testing.js'
import { activations, information, notify } from '../../app/activation.js'

const MINUTE_MS = 60_000

/** Stores that outlive their owners, as a disk does, and tell when they are cleared. */
function durableStores(cleared: string[]): StateStores {
  const stores = memoryStores()
  return {
    async open(id) {
      const store = await stores.open(id)
      return {
        get position() {
          return store.position
        },
        getMany: (keys) => store.getMany(keys),
        commit: (changes, position) => store.commit(changes, position),
        entries: () => store.entries(),
        clear: () => {
          cleared.push(id.name)
          return store.clear()
        },
        close: () => {},
      }
    },
  }
}

/** A log whose topics keep tombstones for an hour, or as long as given. */
function withShortRetention(log: Log<'exactly-once'>, deleteRetentionMs = 60 * MINUTE_MS): Log<'exactly-once'> {
  const { source } = log
  return {
    ...log,
    source: {
      describe: async (topics) => (await source.describe(topics)).map((info) => ({ ...info, deleteRetentionMs })),
      endOffset: (of, kind) => source.endOffset(of, kind),
      earliestOffset: (of) => source.earliestOffset(of),
      read: (origin, signal) => source.read(origin, signal),
    },
  }
}

// topics in memory keep tombstones for a day, so half of that may pass
describe('a store that has not followed its topic for long', () => {
  it('is used as it is after less than half the life of tombstones, and built anew after more', async () => {
    const cleared: string[] = []
    const clock = new ManualClock(0)
    const log = memoryLog({ clock, topics: { information: { cleanup: 'compact' } } })
    const stores = durableStores(cleared)
    const session = async (hours: number) => {
      const app = await run(notify(), {
        application: 'a',
        log,
        clock,
        commitEvery: '0ms',
        stores,
      })
      await app.ready
      await app.close()
      await clock.advance(hours * 3_600_000)
    }
    await produce(log, information, { key: 'p', value: { id: '1' } })
    await session(11)
    cleared.length = 0
    await session(13)
    expect(cleared).toEqual([])
    await session(0)
    expect(cleared.sort()).toEqual(['$waiters', 'information'])
  })

  it('has no rows of a rebuild that was cut off before its position was written', async () => {
    const cleared: string[] = []
    const clock = new ManualClock(0)
    const stores = durableStores(cleared)
    const log = memoryLog({ clock, topics: { information: { cleanup: 'compact' } } })
    const left = await stores.open({ application: 'a', name: 'information', partition: 0, token: -1, changelogId: 'c' })
    const row = Buffer.from('{"id":"left over"}')
    left.commit([{ key: Buffer.from('p'), value: row }], undefined as unknown as string)
    expect(left.position).toBeUndefined()
    await using app = await run(notify(), { application: 'a', log, clock, commitEvery: '0ms', stores })
    await app.ready
    await produce(log, activations, { key: 'p', value: { n: 1 } })
    await expect.poll(() => app.metrics().pipelines.activation).toMatchObject({ in: 1, waiting: 1, emitted: 0 })
  })

  it('is built anew while it runs, before it is asked again', async () => {
    const clock = new ManualClock(0)
    const events: AppEvent[] = []
    let isDown = false
    const log = withShortRetention(memoryLog({ clock, topics: { information: { cleanup: 'compact' } } }))
    await using app = await run(notify(), {
      application: 'a',
      log: faultyLog(log, { endOffset: () => isDown }),
      clock,
      commitEvery: '0ms',
      onEvent: (e) => events.push(e),
    })
    await app.ready
    const restored = () => events.filter(({ type }) => type === 'restored').length
    expect(restored()).toBe(1)
    isDown = true
    await clock.advance(28 * MINUTE_MS)
    expect(restored()).toBe(1)
    expect(app.health().problems.join()).toContain('could not fetch the end offset of information[0]')
    await clock.advance(4 * MINUTE_MS)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'retrying', error: expect.objectContaining({ code: 'STORE_BEHIND' }) }),
    )
    isDown = false
    await clock.advance(10_000)
    expect(restored()).toBeGreaterThan(1)
    expect(app.health().state).toBe('running')
  })

  it('stays fresh by itself where the log answers, for days without a record', async () => {
    const events: AppEvent[] = []
    await using driver = await testDriver(notify(), { onEvent: (event) => events.push(event) })
    await driver.produce(information, { key: 'p', value: { id: '1' } })
    await driver.advance('5d')
    await driver.produce(activations, { key: 'p', value: { n: 1 } })
    expect(driver.metrics().emitted).toBe(1)
    expect(events.filter(({ type }) => type === 'restored')).toHaveLength(1)
  })
})

describe('a table whose topic keeps tombstones for a short time', () => {
  const starting = (deleteRetentionMs: number, cleanup: 'compact' | 'delete') => {
    const log = memoryLog({ topics: { information: { cleanup } } })
    return run(notify(), { application: 'a', log: withShortRetention(log, deleteRetentionMs) })
  }

  it.each([0, 1, 100, 1_000, 9_999, Number.NaN])('is refused at the start: %i ms', async (ms) => {
    await expect(starting(ms, 'compact')).rejects.toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      retriable: false,
      problems: [`delete.retention.ms of table information is ${ms}`],
      message: expect.stringContaining('set it to at least 10000'),
    })
  })

  it('is accepted from 10 s on, and whatever it is if the topic is not compacted', async () => {
    for (const app of [await starting(10_000, 'compact'), await starting(0, 'delete')]) await app.close()
  })

  it('is accepted if it keeps tombstones forever, which is a negative number, and never rebuilt', async () => {
    const cleared: string[] = []
    const clock = new ManualClock(0)
    const inner = memoryLog({ clock, topics: { information: { cleanup: 'compact' } } })
    const log = withShortRetention(inner, -1)
    const stores = durableStores(cleared)
    const session = async () => {
      const app = await run(notify(), { application: 'a', log, clock, stores })
      await app.ready
      await app.close()
    }
    await produce(inner, information, { key: 'p', value: { id: '1' } })
    await session()
    cleared.length = 0
    await clock.advance(365 * 24 * 60 * MINUTE_MS)
    await session()
    expect(cleared).not.toContain('information')
  })

  /** @param readMs how long it takes to read the table */
  async function slowly(readMs: () => number) {
    const clock = new ManualClock(0)
    const inner = memoryLog({ clock, topics: { information: { cleanup: 'compact' } } })
    const short = withShortRetention(inner, 20_000)
    const { source } = short
    const log = {
      ...short,
      source: {
        ...source,
        async *read(...[from, signal]: Parameters<typeof source.read>) {
          for await (const batch of source.read(from, signal)) {
            if (from.topic === information.name) await delay(clock, readMs(), signal)
            yield batch
          }
        },
      },
    }
    await produce(inner, information, { key: 'p', value: { id: '1' } })
    const problems: string[] = []
    const app = await run(notify(), {
      ...{ application: 'a', log, clock },
      onEvent: (event) => event.type === 'retrying' && problems.push(event.error.message),
    })
    return { clock, app, problems }
  }

  it('is not rebuilt forever if that takes too long: the error says what would do', async () => {
    const { clock, app, problems } = await slowly(() => 25_000)
    const failure = app.closed.catch((error: unknown) => error)
    for (let s = 0; s < 200 && app.health().live; s++) await clock.advance(1_000)
    expect(await failure).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      retriable: false,
      topic: information.name,
      message: expect.stringMatching(
        /has taken 25\.0 s.*2\.5 times half of its topic's delete\.retention\.ms, which is 20000,.* to at least 100000/,
      ),
    })
    expect(problems).toHaveLength(4)
    expect(problems.at(-1)).toContain('rebuilding it again (5 of 5)')
  })

  it('is given time again once a rebuild has succeeded', async () => {
    let reads = 0
    const { clock, app, problems } = await slowly(() => (++reads % 4 === 0 ? 0 : 25_000))
    for (let s = 0; s < 110; s++) await clock.advance(1_000)
    expect(app.health()).toMatchObject({ live: true, ready: true })
    expect(problems).toHaveLength(3)
    await app.close()
  })

  it('may wait at its bound for longer, and is then rebuilt before it continues', async () => {
    const clock = new ManualClock(0)
    const inner = memoryLog({ clock, partitions: 2, topics: { information: { cleanup: 'compact' } } })
    const retried: string[] = []
    const app = await run(notify({ maxBytes: 22 }), {
      ...{ application: 'a', log: withShortRetention(inner, 20_000), clock },
      onEvent: (event) => event.type === 'retrying' && retried.push(event.error.code),
    })
    /** A row has 11 bytes. */
    const put = async (partition: number, key: string, value: string | null) => {
      const topic = information.name
      const row = {
        topic,
        partition,
        key: Buffer.from(key),
        value: value && Buffer.from(value),
        timestamp: clock.now(),
      }
      await inner.sink.append([{ ...row, headers: [] }] as never)
      for (let passed = 0; passed < 1_000; passed += 50) await clock.advance(50)
    }
    await put(1, 'p', '{"id":"1"}')
    await put(1, 'q', '{"id":"2"}')
    await put(0, 'r', '{"id":"3"}')
    for (let s = 0; s < 300; s++) await clock.advance(1_000)
    expect(app.health()).toMatchObject({ live: true, problems: [expect.stringContaining('information[0] is paused')] })
    expect([retried, app.metrics().tables]).toEqual([[], { information: { storedBytes: 22 } }])
    await put(1, 'p', null)
    expect([retried, app.metrics().tables]).toEqual([['STORE_BEHIND'], { information: { storedBytes: 22 } }])
    expect(app.health()).toMatchObject({ ready: true, problems: [], stalled: [] })
    await app.close()
  })
})
