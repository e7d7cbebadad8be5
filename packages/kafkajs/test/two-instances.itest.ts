import { type App, produce, run } from '@joinery/core'
import type { Log } from '@joinery/core/log'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { administer, createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const PARTITIONS = 6
const PRODUCTS = 120
const LIMIT = { timeout: 30_000, interval: 20 }
const product = (i: number) => `p${i % PRODUCTS}`
const row = (i: number) => ({ key: product(i), value: { externalId: `x${i}` } })
const products = Array.from({ length: PRODUCTS }, (_, i) => i)

describe('instances of one application', () => {
  let name: (topic: string) => string
  let join: TestJoin

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      { topic: activations.name, partitions: PARTITIONS },
      { topic: information.name, partitions: PARTITIONS, config: { 'cleanup.policy': 'compact' } },
      { topic: notifications.name, partitions: PARTITIONS },
      { topic: dead },
    )
  })

  const start = async (log: Log<'exactly-once'>): Promise<App> =>
    run(join.pipeline, { application: name('service'), log })
  const tasksOf = (app: App) => Object.keys(app.metrics().tasks[join.activations.name] ?? {})
  const isRunning = (app: App) => app.health().state === 'running'
  /** Sends activations without a pause until it is stopped. Returns their number. */
  const traffic = (log: Log) => {
    let isOver = false
    const sending = (async () => {
      let id = 0
      while (!isOver) {
        const ids = Array.from({ length: 50 }, () => id++)
        await produce(
          log,
          join.activations,
          ...ids.map((i) => ({ key: product(i), value: { id: i, productId: product(i) } })),
        )
      }
      return id
    })()
    return () => {
      isOver = true
      return sending
    }
  }
  const outputIds = async (log: Log) =>
    (await recordsOf(log, join.notifications.name)).map(
      ({ value }) => join.notifications.value.decode(value as Uint8Array).id,
    )
  const expectOnceEach = (ids: readonly number[], count: number) => {
    expect(ids.length).toBe(count)
    expect(new Set(ids).size).toBe(count)
  }

  it('a second one takes over half of the tasks under traffic; when it leaves they are reassigned', async () => {
    await using feeder = kafkaLog({ brokers })
    await using logA = kafkaLog({ brokers })
    await using logB = kafkaLog({ brokers })
    await produce(feeder, join.information, ...products.filter((i) => i % 4 !== 0).map(row))
    const a = await start(logA)
    await a.ready
    expect(tasksOf(a).length).toBe(PARTITIONS)
    const stop = traffic(feeder)
    await expect.poll(() => a.metrics().pipelines[join.activations.name]?.waiting, LIMIT).toBeGreaterThan(0)

    const b = await start(logB)
    await b.ready
    await expect.poll(() => isRunning(a) && isRunning(b), LIMIT).toBe(true)
    // sticky: half of the tasks stay, half move with their waiting events
    expect([tasksOf(a).length, tasksOf(b).length]).toEqual([PARTITIONS / 2, PARTITIONS / 2])
    expect(new Set([...tasksOf(a), ...tasksOf(b)]).size).toBe(PARTITIONS)
    await expect.poll(() => b.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBeGreaterThan(0)

    await b.close()
    await expect.poll(() => isRunning(a) && tasksOf(a).length, LIMIT).toBe(PARTITIONS)
    const count = await stop()
    await produce(feeder, join.information, ...products.filter((i) => i % 4 === 0).map(row))
    await expect
      .poll(() => a.metrics().pipelines[join.activations.name], LIMIT)
      .toMatchObject({ in: count, emitted: count, waiting: 0 })
    await a.close()
    expectOnceEach(await outputIds(feeder), count)
  }, 90_000)

  it('one more than there are tasks is a healthy standby', async () => {
    const small = unique()
    const one = testJoin(small)
    await createTopics(
      { brokers },
      { topic: one.activations.name, partitions: 1 },
      { topic: one.information.name, partitions: 1 },
      { topic: one.notifications.name, partitions: 1 },
      { topic: one.dead, partitions: 1 },
    )
    await using logA = kafkaLog({ brokers })
    await using logB = kafkaLog({ brokers })
    await using a = await run(one.pipeline, { application: small('service'), log: logA })
    await a.ready
    await using b = await run(one.pipeline, { application: small('service'), log: logB })
    await b.ready
    await expect.poll(() => [a.health().ready, b.health().ready], LIMIT).toEqual([true, true])
    const tasks = [a, b].map((app) => Object.keys(app.metrics().tasks[one.activations.name] ?? {}).length)
    expect(tasks.toSorted()).toEqual([0, 1])
  }, 60_000)

  it('publish their offsets for lag tools, and continue from the changelog, whatever these offsets are', async () => {
    await using log = kafkaLog({ brokers })
    await produce(log, join.information, ...products.map(row))
    await produce(
      log,
      join.activations,
      ...products.map((id) => ({ key: product(id), value: { id, productId: product(id) } })),
    )
    const groupId = name('service')
    const lag = () =>
      administer({ brokers }, async (admin) => {
        const topics = [join.activations.name, join.information.name]
        const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)))
        const committed = await admin.fetchOffsets({ groupId, topics })
        return topics.map((topic, i) =>
          (ends[i] ?? []).reduce((sum, { partition, offset }) => {
            const of = committed.find((each) => each.topic === topic)?.partitions.find((p) => p.partition === partition)
            return sum + Number(offset) - Math.max(0, Number(of?.offset ?? 0))
          }, 0),
        )
      })
    const first = await start(log)
    await first.ready
    await expect.poll(lag, { timeout: 20_000, interval: 200 }).toEqual([0, 0])
    await first.close()

    // they are moved from outside: nothing is read again, nothing is skipped
    await administer({ brokers }, (admin) =>
      admin.setOffsets({
        groupId,
        topic: join.activations.name,
        partitions: Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, offset: '0' })),
      }),
    )
    const second = await start(log)
    await second.ready
    await produce(log, join.activations, { key: product(0), value: { id: PRODUCTS, productId: product(0) } })
    await expect
      .poll(() => second.metrics().pipelines[join.activations.name], LIMIT)
      .toMatchObject({ in: PRODUCTS + 1, emitted: PRODUCTS + 1 })
    await second.close()
    expectOnceEach(await outputIds(log), PRODUCTS + 1)
  }, 90_000)
})
