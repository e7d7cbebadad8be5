import { type AppEvent, produce, run } from '@joinery/core'
import { expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const DAY_MS = 86_400_000
const EVENTS = 20

it.skipIf(brokers.length === 0)(
  'outputs and dead letters that are older than their topics keep records are counted, and only those',
  async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name)
    const config = { 'retention.ms': DAY_MS }
    await createTopics(
      { brokers },
      { topic: activations.name, partitions: 1 },
      { topic: information.name, partitions: 1, config: { 'cleanup.policy': 'compact' } },
      { topic: notifications.name, partitions: 1, config },
      { topic: dead, partitions: 1, config },
    )
    await using log = kafkaLog({ brokers })
    await produce(log, information, { key: 'p', value: { externalId: 'x' } })
    const event = (key: string, timestamp: number, value: string) => ({
      ...{ topic: activations.name, partition: 0, key: Buffer.from(key), value: Buffer.from(value) },
      ...{ timestamp, headers: [] },
    })
    const old = Date.now() - 2 * DAY_MS
    const value = JSON.stringify({ id: 1, productId: 'p' })
    await log.sink.append(
      Array.from({ length: EVENTS }, () => [event('p', old, value), event('q', old, 'not JSON')]).flat(),
    )
    await log.sink.append([event('p', Date.now(), value), event('q', Date.now(), 'not JSON')])
    await using app = await run(pipeline, { application: name('service'), log })
    await expect
      .poll(() => app.metrics().pipelines[activations.name], LIMIT)
      .toMatchObject({
        emitted: EVENTS + 1,
        deadLettered: { undecodable: EVENTS + 1 },
        olderThanRetention: { [notifications.name]: EVENTS, [dead]: EVENTS },
      })
  },
  60_000,
)

it.skipIf(brokers.length === 0)(
  'an output topic that keeps records for a shorter time than events may wait is reported at the start',
  async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name) // events wait for up to an hour
    const inputs = [activations.name, information.name]
    await createTopics(
      { brokers },
      ...inputs.map((topic) => ({ topic, partitions: 1 })),
      { topic: notifications.name, partitions: 1, config: { 'retention.ms': 3_599_999 } },
      { topic: dead, partitions: 1, config: { 'max.message.bytes': 2_000_000 } },
    )
    const reported: string[] = []
    const onEvent = (event: AppEvent) => void (event.type === 'unsuitable-output' && reported.push(event.problem))
    await using log = kafkaLog({ brokers })
    await using app = await run(pipeline, { application: name('service'), log, onEvent })
    await app.ready
    const problem = expect.stringContaining(`retention.ms of ${notifications.name} is 3599999`)
    expect(reported).toEqual([problem])
    expect(app.health().problems).toEqual([problem])
  },
  60_000,
)
