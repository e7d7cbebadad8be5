import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type AppEvent, JoineryError, memoryLog, type Pipeline, reset, run, stream } from '../../src/index.js'
import type { Log, LogSource, TopicInfo } from '../../src/log.js'
import { ManualClock } from '../../src/testing.js'
import { activations, DEAD, information, notify } from './activation.js'

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
      /(activation|information) has 2 partitions, and had 1 when the state of a was built, so keys have moved: give a another name \(reset fails, because the changelog still has 1 partitions\)$/,
      (info: TopicInfo) => ({ ...info, partitions: info.partitions + 1 }),
    ],
    [
      'TOPIC_RECREATED',
      /(activation|information) was deleted and created again, so the positions of a refer to other records: reset a, or give it another name$/,
      (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` }),
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
    ['PARTITIONS_CHANGED', 'a reset', (info: TopicInfo) => ({ ...info, partitions: info.partitions + 1 }), false],
    ['TOPIC_RECREATED', 'a reset', (info: TopicInfo) => ({ ...info, id: `${info.id}-anew` }), true],
  ])('advises what helps: after %s %s does, or it does not', async (code, _, change, helps) => {
    const clock = new ManualClock(0)
    const log = changing(clock, (info) => (info.topic.endsWith('-changelog') ? info : change(info)))
    const app = await run(notify(), { application: 'a', log, clock })
    await app.ready
    const failed = expect(app.closed).rejects.toMatchObject({
      code,
      message: expect.stringContaining(helps ? 'reset a, or give it another name' : 'give a another name (reset fails'),
    })
    await clock.advance(120_000)
    await failed
    const done = reset(notify(), { application: 'a', log, clock })
    if (!helps) return await expect(done).rejects.toMatchObject({ code })
    await done
    const next = await run(notify(), { application: 'a', log, clock })
    await next.ready
    await next.close()
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

describe('settings that change while an application runs', () => {
  /** A log of which the settings of topics are changed after half a minute: also that of the changelog. */
  async function running(
    changes: Readonly<Record<string, Partial<TopicInfo>>>,
    compacted = true,
    pipeline: Pipeline = notify(),
  ) {
    const clock = new ManualClock(0)
    const inner = memoryLog({ clock, ...(compacted && { topics: { information: { cleanup: 'compact' } } }) })
    const changed = (info: TopicInfo) => (clock.monotonic() < 30_000 ? info : { ...info, ...changes[info.topic] })
    const { tasks } = inner
    let isStarting = true
    const log: Log<'exactly-once'> = {
      ...reading(inner, { describe: async (topics) => (await inner.source.describe(topics)).map(changed) }),
      tasks: {
        guarantees: tasks.guarantees,
        open: (options) => tasks.open(options),
        prepare: async (options) => {
          // only an application that starts creates the changelog
          expect(options.create).toBe(isStarting)
          return changed(await tasks.prepare(options))
        },
      },
    }
    const events: AppEvent[] = []
    const app = await run(pipeline, { application: 'a', log, clock, onEvent: (event) => events.push(event) })
    await app.ready
    isStarting = false
    app.closed.catch(() => {}) // it may fail before a test awaits it
    const restored = () => events.filter(({ type }) => type === 'restored').length
    const again = { application: 'a', log, clock } as const
    const afterwards = {
      run: () => {
        isStarting = true
        return run(notify(), again)
      },
      reset: () => {
        isStarting = true
        return reset(notify(), again)
      },
    }
    return { app, clock, log, events, restored, afterwards }
  }

  it.each([
    ['information', 'delete.retention.ms of table information is 100'],
    ['a-changelog', 'delete.retention.ms of changelog a-changelog is 100'],
  ])('end it if it would not start with them: those of %s', async (topic, problem) => {
    const { app, clock } = await running({ [topic]: { deleteRetentionMs: 100 } })
    await clock.advance(120_000)
    await expect(app.closed).rejects.toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      problems: [problem],
      message: expect.stringContaining('set it to at least 10000'),
    })
  })

  const calling = stream(activations).callOnce(async () => 0, { inDoubt: { deadLetter: DEAD } })

  it.each<[Pipeline, RegExp]>([
    [notify(), /is lost: start a again, which .*, or reset it with streams: 'latest'$/],
    [calling, /is lost: find out from the service which calls were made, and give a another name$/],
  ])('end it if the changelog is another topic: pipeline %#', async (pipeline, advice) => {
    const { app, clock } = await running({ 'a-changelog': { id: 'another' } }, true, pipeline)
    await clock.advance(120_000)
    await expect(app.closed).rejects.toMatchObject({
      code: 'TOPIC_RECREATED',
      topic: 'a-changelog',
      message: expect.stringMatching(advice),
    })
  })

  it.each<[TopicInfo['cleanup'], boolean]>([
    ['compact,delete', true],
    ['delete', false],
  ])('end it if a table is compact alone no longer, or is: %s', async (other, isCompact) => {
    const cleanup = isCompact ? other : 'compact'
    const { app, clock, log, afterwards } = await running({ information: { cleanup } }, isCompact)
    await produce(log, information, { key: 'k', value: { id: 'a' } })
    await clock.advance(120_000)
    const former = isCompact ? 'compact' : other
    const change = `cleanup.policy of table information was ${former} and is ${cleanup} now`
    await expect(app.closed).rejects.toMatchObject({
      code: 'PIPELINE_CHANGED',
      topic: 'information',
      message: expect.stringContaining(`${change}: change it back, or reset a`),
    })
    // a start refuses the same
    const refused = await afterwards.run()
    await expect(refused.closed).rejects.toMatchObject({ code: 'PIPELINE_CHANGED' })
    await afterwards.reset()
    const next = await afterwards.run()
    await next.ready
    await next.close()
  })

  it.each([
    ['of a stream', 'activation', 'compact', true, 1],
    ['of a table whose rows stay in the changelog', 'information', 'compact,delete', false, 2],
  ] as const)(
    'do not end it if it would start with them: cleanup.policy %s',
    async (_, topic, cleanup, compacted, times) => {
      const { app, clock, log, restored, afterwards } = await running({ [topic]: { cleanup } }, compacted)
      await clock.advance(120_000)
      await produce(log, information, { key: 'k', value: { id: 'a' } })
      await produce(log, activations, { key: 'k', value: { n: 1 } })
      await clock.advance(1_000)
      expect(app.health()).toMatchObject({ ready: true, problems: [] })
      // only tasks whose table has changed are opened again
      expect([restored(), app.metrics().pipelines.activation?.emitted]).toEqual([times, 1])
      await app.close()
      const next = await afterwards.run()
      await next.ready
      await next.close()
    },
  )

  it.each<[string, Partial<TopicInfo>]>([
    ['information', { deleteRetentionMs: 3_600_000 }],
    ['a-changelog', { deleteRetentionMs: 3_600_000 }],
    ['notifications', { maxMessageBytes: 1_000 }],
  ])('are those that its tasks continue with: those of %s', async (topic, change) => {
    const { app, clock, log, restored } = await running({ [topic]: change })
    await clock.advance(50_000)
    expect(restored()).toBe(1)
    await clock.advance(70_000)
    expect(restored()).toBe(2)
    expect(app.health()).toMatchObject({ ready: true })
    await produce(log, information, { key: 'k', value: { id: 'a' } })
    await produce(log, activations, { key: 'k', value: { n: 1 } })
    await clock.advance(600_000)
    expect([restored(), app.metrics().pipelines.activation?.emitted]).toEqual([2, 1])
    await app.close()
  })

  it('apply to the age of tables at once', async () => {
    const { app, clock, log, events } = await running({ information: { deleteRetentionMs: 20_000 } })
    await clock.advance(120_000)
    const requested: string[] = []
    const { source } = log
    const { endOffset } = source
    source.endOffset = (at, kind) => {
      requested.push(at.topic)
      return endOffset(at, kind)
    }
    await clock.advance(20_000)
    expect(requested.filter((topic) => topic === information.name).length).toBeGreaterThanOrEqual(7)
    expect(events.filter(({ type }) => type === 'retrying')).toEqual([])
    await app.close()
  })

  it('are reported once if outputs lose records by them, and no longer a problem when they are changed back', async () => {
    const changes: Record<string, Partial<TopicInfo>> = { [DEAD]: { cleanup: 'compact' } }
    const { app, clock, events, restored } = await running(changes)
    expect(app.health().problems).toEqual([])
    await clock.advance(240_000)
    const problem = `dead-letter topic ${DEAD} has cleanup.policy compact`
    expect(app.health().problems).toEqual([expect.stringContaining(problem)])
    const reported = events.filter((event) => event.type === 'unsuitable-output' && event.problem.startsWith(problem))
    expect(reported).toHaveLength(1)
    changes[DEAD] = {}
    await clock.advance(60_000)
    expect(app.health().problems).toEqual([])
    expect(restored()).toBe(1)
    await app.close()
  })
})
