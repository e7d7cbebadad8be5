import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { delay } from '../../../src/clock.js'
import { type AppEvent, consume, memoryLog, run } from '../../../src/index.js'
import type { Log, LogRecord } from '../../../src/log.js'
import { ManualClock } from '../../../src/testing.js'
import { activations, information, notifications, notify } from '../../app/activation.js'

const HOUR_MS = 3_600_000
const WAITER = 2

/** A log whose changelog is read slowly, and of which some records are gone by then. */
function slowChangelog(clock: ManualClock) {
  const inner = memoryLog({ clock })
  const is = { readMs: 0, removed: (_: LogRecord): boolean => false, reads: 0 }
  const log: Log<'exactly-once'> = {
    ...inner,
    source: {
      ...inner.source,
      async *read(from, signal) {
        const isChangelog = from.topic.endsWith('-changelog')
        if (isChangelog) is.reads++
        for await (const batch of inner.source.read(from, signal)) {
          if (isChangelog && is.readMs > 0) await delay(clock, is.readMs, signal)
          yield isChangelog ? { ...batch, records: batch.records.filter((each) => !is.removed(each)) } : batch
        }
      },
    },
  }
  return { log, is }
}

// topics in memory keep tombstones for a day
describe('reading the changelog', () => {
  async function afterAJoinedEvent() {
    const clock = new ManualClock(0)
    const { log, is } = slowChangelog(clock)
    const retried: string[] = []
    const onEvent = (event: AppEvent) => event.type === 'retrying' && retried.push(event.error.message)
    const start = () => run(notify(), { application: 'a', log, clock, commitEvery: '0ms', onEvent })
    const app = await start()
    await app.ready
    await produce(log, activations, { key: 'k', value: { n: 1 } })
    await clock.advance(1_000)
    expect(app.metrics().pipelines.activation?.waiting).toBe(1)
    await produce(log, information, { key: 'k', value: { id: 'a' } })
    await clock.advance(1_000)
    await app.close()
    return { clock, log, is, retried, start }
  }

  it('is repeated if a tombstone may have been removed meanwhile, and no event comes out twice', async () => {
    const { clock, log, is, retried, start } = await afterAJoinedEvent()
    is.readMs = 13 * HOUR_MS
    is.reads = 0
    is.removed = ({ key, value }) => key?.[1] === WAITER && (value === null || is.reads > 1)
    const app = await start()
    await clock.advance(13 * HOUR_MS + 1)
    is.readMs = 0
    await clock.advance(HOUR_MS)
    expect(retried).toEqual([
      expect.stringMatching(
        /restoring from a-changelog\[0\] has taken 46800\.0 s: .* delete\.retention\.ms, which is 86400000,.* trying again \(2 of 5\)/,
      ),
    ])
    const found: number[] = []
    for await (const { value } of consume(log, notifications, { until: 'end' })) found.push(value?.n ?? 0)
    expect(found).toEqual([1])
    expect(app.health()).toMatchObject({ ready: true })
    await app.close()
  })

  it('ends the application if it takes too long five times in a row', async () => {
    const { clock, is, start } = await afterAJoinedEvent()
    is.readMs = 13 * HOUR_MS
    const app = await start()
    const failure = app.closed.catch((error: unknown) => error)
    for (let tries = 0; tries < 6; tries++) await clock.advance(14 * HOUR_MS)
    expect(await failure).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      topic: 'a-changelog',
      message: expect.stringContaining(`set delete.retention.ms of a-changelog to at least ${4 * 13 * HOUR_MS}`),
    })
  })
})

describe('a changelog that keeps tombstones for a short time', () => {
  const starting = (deleteRetentionMs: number) => {
    const log = memoryLog()
    const { tasks } = log
    const prepare = async (options: Parameters<typeof tasks.prepare>[0]) => ({
      ...(await tasks.prepare(options)),
      deleteRetentionMs,
    })
    const short = { ...log, tasks: { ...tasks, guarantees: tasks.guarantees, open: tasks.open.bind(tasks), prepare } }
    return run(notify(), { application: 'a', log: short as Log<'exactly-once'> })
  }

  it.each([0, 1, 9_999, Number.NaN])('is refused at the start: %i ms', async (ms) => {
    await expect(starting(ms)).rejects.toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      retriable: false,
      problems: [`delete.retention.ms of changelog a-changelog is ${ms}`],
      message: expect.stringContaining('a waiting event would come out again; set it to at least 10000'),
    })
  })

  it.each([10_000, -1])('is accepted with %i', async (ms) => {
    const app = await starting(ms)
    await app.close()
  })
})
