import { type AppEvent, produce, run } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { transactionalIdOf } from '../src/writer/group-commit/transactional-id-header.js'
import { testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const LIMIT = { timeout: 20_000, interval: 20 }
/** The transactional ids of an application expire after this idle time. */
const EXPIRES_MS = 1_500
const IDLE = { timeout: 60_000, interval: 2 * EXPIRES_MS }

describe.skipIf(!isPossible)('a transactional id that expires', () => {
  let kafka: Kafka
  beforeAll(async () => {
    kafka = await startKafka({
      own: true,
      properties: {
        'transactional.id.expiration.ms': EXPIRES_MS,
        'transaction.remove.expired.transaction.cleanup.interval.ms': EXPIRES_MS / 3,
      },
    })
  }, 120_000)
  afterAll(() => kafka?.stop())

  it('is replaced by a fresh one, without reopening a task: each event has one result', async () => {
    const name = unique()
    const { activations, information, notifications, dead, pipeline } = testJoin(name)
    await createTopics(
      kafka,
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
    )
    await using log = kafkaLog({ brokers: [...kafka.brokers] })
    const events: AppEvent[] = []
    await using app = await run(pipeline, {
      application: name('service'),
      log,
      onEvent: (event) => events.push(event),
    })
    await produce(log, information, { key: 'p', value: { externalId: 'x' } })
    let sent = 0
    const transactionalIds = async () => {
      await produce(log, activations, { key: 'p', value: { id: sent++, productId: 'p' } })
      await expect.poll(() => app.metrics().pipelines[activations.name]?.emitted, LIMIT).toBe(sent)
      const records = await recordsOf(log, `${name('service')}-changelog`)
      return new Set(records.flatMap(({ headers }) => transactionalIdOf(headers) ?? [])).size
    }
    await expect.poll(transactionalIds, IDLE).toBeGreaterThan(1)
    expect(events.filter(({ type }) => type === 'reopening')).toEqual([])
    const ids = (await recordsOf(log, notifications.name)).map(
      ({ value }) => notifications.value.decode(value as Uint8Array).id,
    )
    expect(ids).toEqual(Array.from({ length: sent }, (_, id) => id))
  }, 120_000)
})
