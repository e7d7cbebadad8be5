import { type Clock, produce, run, systemClock } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { administer, createTopics, growTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const MINUTE_MS = 60_000

/** The machine's clock, except that the test triggers the timers of a minute. */
const clockWithMinutes = (): { readonly clock: Clock; readonly minute: () => void } => {
  let due = () => {}
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    yieldToEventLoop: () => systemClock.yieldToEventLoop(),
    setTimeout(run, ms) {
      if (ms !== MINUTE_MS) return systemClock.setTimeout(run, ms)
      due = run
      return { cancel: () => {} }
    },
  }
  return { clock, minute: () => due() }
}

describe('an input that changes while an application runs', () => {
  let name: (topic: string) => string
  let join: TestJoin

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 2 })),
    )
  })

  const deleteTopic = async (topic: string) => {
    await administer({ brokers }, (admin) => admin.deleteTopics({ topics: [topic] }))
    await expect.poll(() => administer({ brokers }, (admin) => admin.listTopics()), LIMIT).not.toContain(topic)
  }

  it.each([
    ['PARTITIONS_CHANGED', 'gets more partitions', (topic: string) => growTopics({ brokers }, 3, topic)],
    ['TOPIC_MISSING', 'is deleted', deleteTopic],
    [
      'TOPIC_RECREATED',
      'is deleted and created again',
      async (topic: string) => {
        await deleteTopic(topic)
        await createTopics({ brokers }, { topic, partitions: 2 })
      },
    ],
  ])(
    'ends it with %s when it %s',
    async (code, _, change) => {
      await using log = kafkaLog({ brokers })
      const { clock, minute } = clockWithMinutes()
      const app = await run(join.pipeline, { application: name('service'), log, clock })
      await app.ready
      await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
      await produce(log, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
      await expect.poll(() => app.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(1)
      app.closed.catch(() => {}) // it may fail before it is awaited
      await change(join.information.name)
      minute()
      await expect(app.closed).rejects.toMatchObject({ code, topic: join.information.name })
    },
    60_000,
  )

  it.each([
    ['an output', () => join.notifications.name],
    ['its changelog', () => `${name('service')}-changelog`],
  ])(
    'ends with TOPIC_MISSING when %s is deleted, and the commit in progress has no effect',
    async (_, topic) => {
      await using log = kafkaLog({ brokers })
      const app = await run(join.pipeline, { application: name('service'), log })
      await app.ready
      await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
      await produce(log, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
      await expect.poll(() => app.metrics().pipelines[join.activations.name]?.emitted, LIMIT).toBe(1)
      app.closed.catch(() => {}) // it may fail before it is awaited
      await deleteTopic(topic())
      await produce(log, join.activations, { key: 'p', value: { id: 2, productId: 'p' } })
      await expect(app.closed).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: topic() })
      expect(app.metrics().pipelines[join.activations.name]).toMatchObject({ in: 1, emitted: 1 })
    },
    60_000,
  )
})
