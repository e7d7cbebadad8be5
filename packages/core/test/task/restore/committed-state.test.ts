import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { type AppEvent, memoryLog, memoryStores, run, stream, table } from '../../../src/index.js'
import type { Log, TopicInfo } from '../../../src/log.js'
import type { Pipeline } from '../../../src/pipeline/pipeline.js'
import type { StateStore, StateStores } from '../../../src/store.js'
import { faultyStores, ManualClock, testDriver } from '../../../src/testing.js'
import { activations, information, notifications, notify } from '../../app/activation.js'

/** The same log, whose topics look different to whoever describes them. */
function looking(inner: Log<'exactly-once' | 'at-least-once'>, different: (info: TopicInfo) => Partial<TopicInfo>) {
  return {
    ...inner,
    source: {
      describe: async (topics: readonly string[]) =>
        (await inner.source.describe(topics)).map((info) => ({ ...info, ...different(info) })),
      endOffset: inner.source.endOffset.bind(inner.source),
      earliestOffset: inner.source.earliestOffset.bind(inner.source),
      read: inner.source.read.bind(inner.source),
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
}

const plain = (): Pipeline =>
  stream(activations)
    .join(table(information), ({ n }, { id }) => ({ n, id }))
    .to(notifications)

async function committed(log: Log<'exactly-once' | 'at-least-once'>, pipeline: Pipeline): Promise<void> {
  await produce(log, information, { key: 'a', value: { id: '1' } })
  const app = await run(pipeline, { application: 'a', log })
  await app.ready
  await app.close()
}

describe('what was committed is not used', () => {
  it('for a topic that was deleted and created again', async () => {
    const log = memoryLog()
    await committed(log, notify())
    const other = looking(log, ({ topic }) => (topic === 'information' ? { id: 'another' } : {}))
    const app = await run(notify(), { application: 'a', log: other })
    await expect(app.closed).rejects.toMatchObject({
      code: 'TOPIC_RECREATED',
      topic: 'information',
      message: expect.stringContaining(
        'information was deleted and created again, so the positions of a refer to other records: reset a, or give it another name',
      ),
    })
  })

  it('for a topic that has other partitions now', async () => {
    const topics = { information: { cleanup: 'compact' as const } }
    const log = memoryLog({ topics })
    const atLeastOnce = { application: 'a', guarantee: 'at-least-once' as const }
    await produce(log, information, { key: 'a', value: { id: '1' } })
    const first = await run(plain(), { ...atLeastOnce, log })
    await first.ready
    await first.close()
    const ofInputs = ({ topic }: TopicInfo) => (topic.endsWith('-changelog') ? {} : { partitions: 2 })
    const app = await run(plain(), { ...atLeastOnce, log: looking(log, ofInputs) })
    await expect(app.closed).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
      message: expect.stringMatching(
        /has 2 partitions, and had 1 when the state of a was built, so keys have moved: reset a, or give it another name/,
      ),
    })
  })

  it('for other inputs', async () => {
    const log = memoryLog()
    await committed(log, notify())
    const renamed = stream(activations, { name: 'renamed' })
      .join(table(information), ({ n }, { id }) => ({ n, id }))
      .to(notifications)
    const other = await run(renamed, { application: 'a', log })
    await expect(other.closed).rejects.toMatchObject({
      code: 'PIPELINE_CHANGED',
      message: expect.stringContaining('or the cleanup.policy of a table'),
    })
  })
})

it('events that wait come back in their order, whatever order a store has', async () => {
  const inner = memoryStores()
  const backwards: StateStores = {
    async open(id) {
      const store = await inner.open(id)
      return new Proxy(store, {
        get(target, name) {
          if (name === 'entries') return () => [...(target.entries() as Iterable<never>)].reverse()
          const value = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      }) as StateStore
    },
  }
  await using driver = await testDriver(notify(), { stores: backwards })
  await driver.produce(activations, ...[1, 2, 3].map((n) => ({ key: 'a', value: { n } })))
  await driver.restart('crash')
  await driver.produce(information, { key: 'a', value: { id: 'x' } })
  expect(driver.consume(notifications).map(({ value }) => value?.n)).toEqual([1, 2, 3])
})

describe('a store that does not take what was committed', () => {
  it('is tried again after 50, 100, 200 … ms, 5 s at most, while nothing more is taken in', async () => {
    const waits: number[] = []
    let isBroken = false
    const clock = new ManualClock(0)
    const log = memoryLog({ clock })
    await using app = await run(notify(), {
      application: 'a',
      log,
      clock,
      stores: faultyStores(memoryStores(), { commit: () => (isBroken ? 0 : undefined) }),
      onEvent: (event: AppEvent) => event.type === 'retrying' && waits.push(event.inMs),
    })
    await clock.advance(1_000)
    isBroken = true
    await produce(log, information, { key: 'a', value: { id: '1' } })
    for (let ms = 0; ms < 20_000; ms += 50) await clock.advance(50)
    await produce(log, activations, { key: 'a', value: { n: 1 } })
    await clock.advance(1_000)
    const before = [...waits]
    const meanwhile = app.metrics().pipelines.activation
    isBroken = false
    await clock.advance(10_000)
    expect(before).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
    expect(meanwhile).toMatchObject({ emitted: 0 })
    expect(app.metrics().pipelines.activation).toMatchObject({ emitted: 1 })
  })
})
