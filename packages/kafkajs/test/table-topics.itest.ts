import { type App, produce, run } from '@joinery/core'
import type { Log } from '@joinery/core/log'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { administer, createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const ROW_KIND = 3

describe.each([
  ['delete', true],
  ['compact,delete', true],
  ['compact', false],
] as const)('a table whose topic has cleanup.policy=%s', (policy, isKept) => {
  let name: (topic: string) => string
  let join: TestJoin

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      { topic: activations.name },
      { topic: information.name, config: { 'cleanup.policy': policy } },
      { topic: notifications.name },
      { topic: dead },
    )
  })

  const start = async (log: Log<'exactly-once'>): Promise<App> => {
    const app = await run(join.pipeline, { application: name('service'), log })
    await app.ready
    return app
  }
  const totals = (app: App) => app.metrics().pipelines[join.activations.name]
  const row = (key: string, externalId: string) => ({ key, value: { externalId } })
  const activation = (id: number, key: string) => ({ key, value: { id, productId: key } })
  const outputs = async (log: Log) =>
    (await recordsOf(log, join.notifications.name))
      .map(({ value }) => join.notifications.value.decode(value as Uint8Array))
      .map(({ id, externalId }) => `${id} ${externalId}`)
      .toSorted()

  it(`${isKept ? 'has its rows in the changelog' : 'is its own changelog'}; after a restart they are exact, and waiting events continue`, async () => {
    await using log = kafkaLog({ brokers })
    const first = await start(log)
    await produce(log, join.information, row('a', 'a1'), row('b', 'b1'), row('c', 'c1'), row('a', 'a2'))
    await produce(log, join.information, { key: 'b', value: null })
    await produce(log, join.activations, activation(1, 'a'), activation(2, 'b'), activation(3, 'd'))
    await expect.poll(() => totals(first), LIMIT).toMatchObject({ in: 3, emitted: 1, waiting: 2 })
    await first.close()

    const kinds = (await recordsOf(log, `${name('service')}-changelog`)).map(({ key }) => key?.[1])
    expect(kinds.includes(ROW_KIND)).toBe(isKept)
    if (isKept) {
      // the broker deletes old records: only the changelog still has these rows
      const ends = await administer({ brokers }, (admin) => admin.fetchTopicOffsets(join.information.name))
      await administer({ brokers }, async (admin) => {
        await admin.fetchTopicMetadata({ topics: [join.information.name] })
        await admin.deleteTopicRecords({
          topic: join.information.name,
          partitions: ends.map(({ partition, offset }) => ({ partition, offset })),
        })
      })
    }

    // while no instance runs, the row for one waiting event arrives
    await produce(log, join.information, row('d', 'd1'))
    const second = await start(log)
    await expect.poll(() => totals(second), LIMIT).toMatchObject({ in: 3, emitted: 2, waiting: 1 })
    await produce(log, join.activations, activation(4, 'a'), activation(5, 'c'))
    await expect.poll(() => totals(second), LIMIT).toMatchObject({ in: 5, emitted: 4, waiting: 1 })
    await produce(log, join.information, row('b', 'b2'))
    await expect.poll(() => totals(second), LIMIT).toMatchObject({ in: 5, emitted: 5, waiting: 0 })
    await second.close()
    expect(await outputs(log)).toEqual(['1 a2', '2 b2', '3 d1', '4 a2', '5 c1'])
  }, 60_000)
})

describe('a compacted table whose topic keeps deletions for too short a time', () => {
  it.each(
    [0, 100, 1_000].flatMap((ms) =>
      (['exactly-once', 'at-least-once'] as const).map((guarantee) => ({ ms, guarantee })),
    ),
  )(
    'is refused at the start, with the setting and what it has to be: $ms ms, $guarantee',
    async ({ ms, guarantee }) => {
      const { name, join } = await withDeleteRetention(ms, guarantee === 'exactly-once')
      await using log = kafkaLog({ brokers })
      await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
      await expect(run(join.pipeline, { application: name('service'), log, guarantee })).rejects.toMatchObject({
        code: 'TOPIC_UNSUITABLE',
        retriable: false,
        problems: [`delete.retention.ms of table ${join.information.name} is ${ms}`],
        message: expect.stringContaining('set it to at least 10000'),
      })
    },
  )

  it('and long enough is joined', async () => {
    const { name, join } = await withDeleteRetention(10_000)
    await using log = kafkaLog({ brokers })
    await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
    await produce(log, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
    await using app = await run(join.pipeline, { application: name('service'), log })
    await app.ready
    await expect.poll(() => app.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(1)
  })

  const withDeleteRetention = async (ms: number, waits = true) => {
    const name = unique()
    const join = testJoin(name, { waits })
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      ...[activations.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
      {
        topic: information.name,
        partitions: 1,
        config: { 'cleanup.policy': 'compact', 'delete.retention.ms': ms },
      },
    )
    return { name, join }
  }
})
