import { describe, expect, it } from 'vitest'
import { outputProblems, tightDeadLetterTopics } from '../../src/app/output-problems.js'
import { type AppEvent, memoryLog, run, stream, table } from '../../src/index.js'
import type { TopicInfo } from '../../src/log.js'
import { planApplication } from '../../src/pipeline/plan.js'
import { activations, DEAD, information, notifications, notify } from './activation.js'

/** Events of {@link notify} wait for up to 30 minutes. */
const WAIT_MS = 30 * 60_000

const info = (topic: string, more: Partial<TopicInfo> = {}): TopicInfo => ({
  ...{ topic, id: topic, partitions: 1, cleanup: 'delete', deleteRetentionMs: 86_400_000, maxMessageBytes: 1_000 },
  ...more,
})
const problemsWith = (changes: Readonly<Record<string, Partial<TopicInfo>>>, pipeline = notify()) => {
  const usual: Readonly<Record<string, Partial<TopicInfo>>> = { [DEAD]: { maxMessageBytes: 1_001 } }
  const topics = [activations.name, information.name, notifications.name, DEAD]
  const infos = topics.map((topic) => info(topic, { ...usual[topic], ...changes[topic] }))
  const plan = planApplication('a', pipeline)
  const described = new Map(infos.map((each) => [each.topic, each]))
  return [...outputProblems(plan, described), ...tightDeadLetterTopics(plan, described)]
}

describe('the configuration of outputs', () => {
  it.each<[string, Readonly<Record<string, Partial<TopicInfo>>>]>([
    ['keeps everything', {}],
    ['keeps more than an event can wait', { [notifications.name]: { retentionMs: WAIT_MS + 1 } }],
    ['is of a topic that is no dead-letter topic', { [notifications.name]: { cleanup: 'compact' } }],
  ])('has no problem if it %s', (_, changes) => {
    expect(problemsWith(changes)).toEqual([])
  })

  it('is no problem if results have the time of the log; dead letters still have that of the event', () => {
    const short = { [notifications.name]: { retentionMs: 1_000 } }
    const now = stream(activations, { onError: { deadLetter: DEAD } })
      .join(table(information), ({ n }, { id }) => ({ n, id }), {
        wait: { atMost: '30m', otherwise: { deadLetter: DEAD } },
      })
      .to(notifications, { timestamps: 'now' })
    expect(problemsWith(short, now)).toEqual([])
    expect(problemsWith({ ...short, [DEAD]: { maxMessageBytes: 1_001, retentionMs: 1_000 } }, now)).toEqual([
      expect.stringContaining('retention.ms of activation.dead is 1000'),
    ])
    expect(problemsWith(short)).toEqual([expect.stringContaining('retention.ms of notifications is 1000')])
  })

  it.each<[string, Readonly<Record<string, Partial<TopicInfo>>>, string]>([
    [
      'an output deletes what has waited',
      { [notifications.name]: { retentionMs: WAIT_MS } },
      'retention.ms of notifications is 1800000, and an event of pipeline activation may wait for 1800000 ms',
    ],
    [
      'a dead-letter topic deletes what has waited',
      { [DEAD]: { retentionMs: 1_000 } },
      'retention.ms of activation.dead is 1000',
    ],
    [
      'a dead-letter topic is compacted',
      { [DEAD]: { cleanup: 'compact' } },
      'dead-letter topic activation.dead has cleanup.policy compact',
    ],
    [
      'a dead letter may not fit',
      { [DEAD]: { maxMessageBytes: 1_000 } },
      'max.message.bytes of dead-letter topic activation.dead is 1000, which is not larger than that of activation (1000)',
    ],
  ])('is reported once if %s', (_, changes, problem) => {
    expect(problemsWith(changes)).toEqual([expect.stringContaining(problem)])
  })

  it('is reported when an application starts, and part of its health if records are lost', async () => {
    const inner = memoryLog()
    const { source } = inner
    const log = {
      ...inner,
      source: {
        ...source,
        describe: async (topics: readonly string[]) =>
          (await source.describe(topics)).map((each) => ({
            ...each,
            ...(each.topic === DEAD && { retentionMs: 1 }),
            maxMessageBytes: 1_000,
          })),
      },
    }
    const reported: string[] = []
    const onEvent = (event: AppEvent) => void (event.type === 'unsuitable-output' && reported.push(event.problem))
    await using app = await run(notify(), { application: 'a', log, onEvent })
    await app.ready
    const retention = expect.stringContaining('retention.ms of activation.dead is 1,')
    expect(app.health().problems).toEqual([retention])
    expect(reported).toEqual([retention, expect.stringContaining('max.message.bytes of dead-letter topic')])
  })
})
