import { type App, type AppEvent, produce, run } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const ACTIVATIONS = 6_000
const CHUNK = 200
const PRODUCTS = 300
const RESTART_AT = 2_000
const LIMIT = { timeout: 60_000, interval: 50 }
const product = (i: number) => `p${i % PRODUCTS}`

describe.skipIf(!isPossible)('a broker that goes away in the middle of a run', () => {
  let kafka: Kafka
  beforeAll(async () => {
    kafka = await startKafka({ own: true })
  }, 120_000)
  afterAll(() => kafka?.stop())

  const bounce = {
    'stopped cleanly and started again': () => kafka.restart(),
    'killed and started again': async () => {
      await kafka.kill()
      await kafka.restart()
    },
  }

  it.each(Object.entries(bounce))(
    '%s: the application continues without intervention, exactly once',
    async (_, away) => {
      const name = unique()
      const { activations, information, notifications, dead, pipeline } = testJoin(name)
      await createTopics(
        kafka,
        { topic: activations.name },
        { topic: information.name, config: { 'cleanup.policy': 'compact' } },
        { topic: notifications.name },
        { topic: dead },
      )
      await using feeder = kafkaLog({ brokers: [...kafka.brokers] })
      await using log = kafkaLog({ brokers: [...kafka.brokers] })
      const products = Array.from({ length: PRODUCTS }, (_, i) => i)
      const row = (i: number) => ({ key: product(i), value: { externalId: `x${i}` } })
      await produce(feeder, information, ...products.filter((i) => i % 2 === 0).map(row))
      const events: AppEvent[] = []
      const app = await run(pipeline, {
        application: name('service'),
        log,
        onEvent: (event) => events.push(event),
      })
      await app.ready
      const totals = () => metricsOf(app, activations.name)

      for (let sent = 0; sent < ACTIVATIONS; sent += CHUNK) {
        if (sent === RESTART_AT) {
          await expect.poll(() => totals()?.emitted, LIMIT).toBeGreaterThan(0)
          await away()
        }
        const chunk = Array.from({ length: CHUNK }, (_, i) => sent + i)
        await produce(
          feeder,
          activations,
          ...chunk.map((id) => ({ key: product(id), value: { id, productId: product(id) } })),
        )
      }
      await produce(feeder, information, ...products.filter((i) => i % 2 === 1).map(row))

      await expect.poll(totals, LIMIT).toMatchObject({ in: ACTIVATIONS, emitted: ACTIVATIONS, waiting: 0 })
      await expect.poll(() => app.health().state, LIMIT).toBe('running')
      await app.close()
      await app.closed

      const ids = (await recordsOf(feeder, notifications.name)).map(
        ({ value }) => notifications.value.decode(value as Uint8Array).id,
      )
      expect(ids.length).toBe(ACTIVATIONS)
      expect(new Set(ids).size).toBe(ACTIVATIONS)
    },
    120_000,
  )
})

const metricsOf = (app: App, pipeline: string) => app.metrics().pipelines[pipeline]
