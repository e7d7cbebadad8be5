import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { JoineryError, memoryLog, run } from '../../src/index.js'
import type { Log, LogSource, TopicInfo } from '../../src/log.js'
import { ManualClock } from '../../src/testing.js'
import { activations, notify } from './activation.js'

/** The same log, of which some things are read differently. */
const reading = (log: Log<'exactly-once'>, source: Partial<LogSource>): Log<'exactly-once'> => ({
  ...log,
  source: { ...log.source, ...source },
})

/** A log whose topics look different from some time on. */
function changing(clock: ManualClock, change: (info: TopicInfo) => TopicInfo): Log<'exactly-once'> {
  const log = memoryLog({ clock })
  return reading(log, {
    describe: async (topics) => {
      const infos = await log.source.describe(topics)
      return clock.monotonic() < 30_000 ? infos : infos.map(change)
    },
  })
}

async function afterTwoMinutes(change: (info: TopicInfo) => TopicInfo) {
  const clock = new ManualClock(0)
  const app = await run(notify(), { application: 'a', log: changing(clock, change), clock })
  await app.ready
  app.closed.catch(() => {}) // it may fail before a test awaits it
  await clock.advance(120_000)
  return app
}

describe('a running application', () => {
  it.each([
    [
      'PARTITIONS_CHANGED',
      /(activation|information) had 1 partitions and has 2 now, so keys have moved: reset the application/,
      (info: TopicInfo) => ({ ...info, partitions: info.partitions + 1 }),
    ],
    [
      'TOPIC_RECREATED',
      /(activation|information) was deleted and created again: reset the application/,
      (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` }),
    ],
    [
      'PIPELINE_CHANGED',
      /cleanup.policy of (activation|information) was delete and is compact,delete now: change it back/,
      (info: TopicInfo) => ({ ...info, cleanup: 'compact,delete' as const }),
    ],
    [
      'TOPIC_MISSING',
      /activation is gone/,
      (): never => {
        throw new JoineryError('TOPIC_MISSING', 'activation is gone', { topic: 'activation' })
      },
    ],
  ])('stops with %s when an input is not what it was', async (code, message, change) => {
    const app = await afterTwoMinutes(change)
    await expect(app.closed).rejects.toMatchObject({
      code,
      topic: expect.stringMatching(/^(activation|information)$/),
      message: expect.stringMatching(message),
    })
    expect(app.health()).toMatchObject({ live: false, state: 'failed' })
  })

  it.each([
    ['TOPIC_RECREATED', (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` })],
    ['OFFSET_OUT_OF_RANGE', (info: TopicInfo) => info],
  ])('stops with %s when an offset is not there any more, without waiting for the next look', async (code, change) => {
    const clock = new ManualClock(0)
    const log = changing(clock, change)
    const shortened = reading(log, {
      async *read(from, signal) {
        for await (const batch of log.source.read(from, signal)) {
          if (clock.monotonic() > 0) throw new JoineryError('OFFSET_OUT_OF_RANGE', 'it is not there')
          yield batch
        }
      },
    })
    const app = await run(notify(), { application: 'a', log: shortened, clock })
    await app.ready
    await clock.advance(40_000)
    await produce(log, activations, { key: 'k', value: { n: 1 } })
    await expect(app.closed).rejects.toMatchObject({ code })
  })

  it('looks no more once it is closed, though a look was under way', async () => {
    let looks = 0
    const clock = new ManualClock(0)
    let answer = () => {}
    const inner = memoryLog({ clock })
    const log = reading(inner, {
      describe: async (topics) => {
        if (clock.monotonic() > 0) {
          looks++
          await new Promise<void>((resolve) => {
            answer = resolve
          })
        }
        return inner.source.describe(topics)
      },
    })
    const app = await run(notify(), { application: 'a', log, clock })
    await app.ready
    await clock.advance(60_000)
    expect(looks).toBe(1)
    await app.close()
    answer()
    await clock.advance(600_000)
    expect(looks).toBe(1)
    expect(app.health().state).toBe('closed')
  })

  it('only mentions that it cannot look, where that may pass', async () => {
    const app = await afterTwoMinutes(() => {
      throw new JoineryError('LOG_FAILED', 'no broker answers', { retriable: true })
    })
    expect(app.health()).toMatchObject({ live: true, state: 'running' })
    expect(app.health().problems.join()).toContain('no broker answers')
    await app.close()
  })
})
