import { describe, expect, it } from 'vitest'
import { JoineryError, memoryLog, run, send } from '../../src/index.js'
import type { Log, TopicInfo } from '../../src/log.js'
import { ManualClock } from '../../src/testing.js'
import { activations, notify } from './activation.js'

/** A log whose topics look different from some time on. */
function changing(clock: ManualClock, change: (info: TopicInfo) => TopicInfo): Log<'exactly-once'> {
  const log = memoryLog({ clock })
  return {
    ...log,
    source: {
      ...log.source,
      describe: async (topics) => {
        const infos = await log.source.describe(topics)
        return clock.monotonic() < 30_000 ? infos : infos.map(change)
      },
    },
  }
}

async function afterTwoMinutes(change: (info: TopicInfo) => TopicInfo) {
  const clock = new ManualClock(0)
  const app = await run(notify(), { application: 'a', log: changing(clock, change), clock })
  await app.ready
  await clock.advance(120_000)
  return app
}

describe('a running application', () => {
  it.each([
    ['PARTITIONS_CHANGED', (info: TopicInfo) => ({ ...info, partitions: info.partitions + 1 })],
    ['TOPIC_RECREATED', (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` })],
    ['PIPELINE_CHANGED', (info: TopicInfo) => ({ ...info, cleanup: 'compact,delete' as const })],
    [
      'TOPIC_MISSING',
      (): never => {
        throw new JoineryError('TOPIC_MISSING', 'gone')
      },
    ],
  ])('stops with %s when an input is not what it was', async (code, change) => {
    const app = await afterTwoMinutes(change)
    await expect(app.closed).rejects.toMatchObject({ code })
    expect(app.health()).toMatchObject({ live: false, state: 'failed' })
  })

  it.each([
    ['TOPIC_RECREATED', (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` })],
    ['OFFSET_OUT_OF_RANGE', (info: TopicInfo) => info],
  ])('stops with %s when an offset is not there any more, without waiting for the next look', async (code, change) => {
    const clock = new ManualClock(0)
    const log = changing(clock, change)
    const app = await run(notify(), {
      application: 'a',
      log: {
        ...log,
        source: {
          ...log.source,
          async *read(from, signal) {
            for await (const batch of log.source.read(from, signal)) {
              if (clock.monotonic() > 0) throw new JoineryError('OFFSET_OUT_OF_RANGE', 'it is not there')
              yield batch
            }
          },
        },
      },
      clock,
    })
    await app.ready
    await clock.advance(40_000)
    await send(log, activations, { key: 'k', value: { n: 1 } })
    await expect(app.closed).rejects.toMatchObject({ code })
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
