import { describe, expect, it } from 'vitest'
import type { TopicInfo } from '../../../src/log.js'
import type { Position } from '../../../src/task/pipeline-fingerprint.js'
import { checkPosition } from '../../../src/task/restore/check-position.js'
import { startOf } from '../../../src/task/restore/start-of.js'
import type { TaskSetup } from '../../../src/task/task-state.js'

const info = (topic: string) => [topic, { topic, id: `id of ${topic}`, partitions: 4 } as TopicInfo] as const
const inputs = new Map(['events', 'rows'].map(info))
/** @param partitions of the changelog */
const setupOf = (guarantee: 'exactly-once' | 'at-least-once', partitions: number) =>
  ({ application: 'app', plan: { guarantee }, changelog: { partitions }, inputs }) as unknown as TaskSetup
const POSITION: Position = {
  writtenAt: 0,
  inputs: { events: { id: 'id of events', next: 7 }, rows: { id: 'id of rows', next: 8 } },
  partitions: 4,
  hash: 'h',
  totals: {},
}
const check =
  (more: Partial<Position>, setup = setupOf('exactly-once', 4)) =>
  () =>
    checkPosition(setup, { ...POSITION, ...more }, 'h')
const RESET = 'reset app, or give it another name'
const RENAME = 'give app another name (reset fails, because the changelog still has 3 partitions)'

describe('a committed position', () => {
  it.each<[string, Partial<Position>]>([
    ['of the same inputs and pipelines', {}],
    [
      'that was set from outside, with offsets only',
      { hash: undefined, partitions: undefined, inputs: { events: { next: 7 } } } as never,
    ],
    ['of an input that was removed without changing the state', { inputs: { former: { id: 'another', next: 1 } } }],
  ])('%s is used', (_, more) => {
    expect(check(more)).not.toThrow()
  })

  it.each<[string, Partial<Position>, string, object]>([
    [
      'of other pipelines',
      { hash: 'another' },
      'have changed since app last committed: change them back, give the new version another application name, or reset app',
      { code: 'PIPELINE_CHANGED' },
    ],
    [
      'of inputs with other partitions',
      { partitions: 3 },
      `events has 4 partitions, and had 3 when the state of app was built, so keys have moved: ${RESET}`,
      { code: 'PARTITIONS_CHANGED', topic: 'events' },
    ],
    [
      'of a topic that was created again',
      { inputs: { ...POSITION.inputs, rows: { id: 'another', next: 8 } } },
      `rows was deleted and created again, so the positions of app refer to other records: ${RESET}`,
      { code: 'TOPIC_RECREATED', topic: 'rows' },
    ],
  ])('%s is refused', (_, more, message, about) => {
    expect(check(more)).toThrow(expect.objectContaining({ message: expect.stringContaining(message), ...about }))
  })

  it.each([
    ['PARTITIONS_CHANGED', { partitions: 3 }],
    ['TOPIC_RECREATED', { inputs: { rows: { id: 'another', next: 8 } } }],
  ])(
    'is refused with advice that helps: %s, which a reset throws, too, if it keeps a smaller changelog',
    (code, more) => {
      const adviceOf = (guarantee: 'exactly-once' | 'at-least-once', message: string) =>
        expect(check(more, setupOf(guarantee, 3))).toThrow(
          expect.objectContaining({ code, message: expect.stringContaining(`: ${message}`) }),
        )
      adviceOf('exactly-once', RENAME)
      adviceOf('at-least-once', RESET)
    },
  )
})

describe('an input', () => {
  const source = { earliestOffset: async () => 3 } as never
  it.each([
    ['from its committed position', 'events', POSITION, 7],
    ['from offset 0, if that is its committed position', 'events', { ...POSITION, inputs: { events: { next: 0 } } }, 0],
    ['from its beginning, if it has no committed position', 'new', POSITION, 3],
    ['from its beginning, if nothing was committed', 'events', undefined, 3],
  ])('is read %s', async (_, topic, position, expected) => {
    expect(await startOf(source, { topic, partition: 0 }, position)).toMatchObject({ next: expected })
  })
})
