import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type AppEvent, isJoineryError, produce, run } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const LIMIT = { timeout: 60_000, interval: 50 }
const KEYS = ['a', 'b', 'c']

/** The end of a topic's log is lost with the page cache, as in a power failure: it keeps this many bytes. */
function truncateLog(data: string, topic: string, bytes: number): void {
  const folder = join(data, `${topic}-0`)
  truncateSync(segmentOf(data, topic), bytes)
  for (const file of readdirSync(folder)) if (/(index|snapshot)$/.test(file)) rmSync(join(folder, file))
  for (const file of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint', '.kafka_cleanshutdown'])
    rmSync(join(data, file), { force: true })
}
const segmentOf = (data: string, topic: string) => join(data, `${topic}-0`, '00000000000000000000.log')

describe.skipIf(!isPossible)('a broker that loses the end of a topic', () => {
  let kafka: Kafka
  beforeAll(async () => {
    kafka = await startKafka({ own: true })
  }, 120_000)
  afterAll(() => kafka?.stop())

  const feederOf = (own: ReturnType<typeof kafkaLog>, { activations, information }: TestJoin) => ({
    rows: (version: string) =>
      produce(own, information, ...KEYS.map((key) => ({ key, value: { externalId: version + key } }))),
    events: (from: number) =>
      produce(own, activations, ...KEYS.map((key, i) => ({ key, value: { id: from + i, productId: key } }))),
  })

  it.each([
    ['of events, which has grown again: it ends the application', 'activations'],
    ['of a table, which has grown again: it is rebuilt', 'information'],
  ] as const)(
    '%s',
    async (_, which) => {
      const { data } = kafka
      if (data === undefined) return // a container
      const name = unique()
      const test = testJoin(name)
      const { activations, information, notifications, dead, pipeline } = test
      const one = [activations.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 }))
      const compacted = { topic: information.name, partitions: 1, config: { 'cleanup.policy': 'compact' } }
      await createTopics(kafka, ...one, compacted)
      const feeding = () => kafkaLog({ brokers: [...kafka.brokers] })
      await using before = feeding()
      const application = name('service')
      const rebuilt: AppEvent[] = []
      const start = async (log: ReturnType<typeof kafkaLog>) => {
        const onEvent = (event: AppEvent) => void (event.type === 'rebuilding' && rebuilt.push(event))
        const app = await run(pipeline, { application, log, onEvent })
        const emitted = () => app.metrics().pipelines[activations.name]?.emitted
        return { app, emitted }
      }
      const feeder = feederOf(before, test)
      await feeder.rows('old ')
      await feeder.events(0)
      const bytes = statSync(segmentOf(data, test[which].name)).size
      await feeder.rows('lost ')
      await feeder.events(3)
      {
        await using log = kafkaLog({ brokers: [...kafka.brokers] })
        const { app, emitted } = await start(log)
        await expect.poll(emitted, LIMIT).toBe(6)
        await app.close()
      }
      await kafka.kill()
      truncateLog(data, test[which].name, bytes)
      await kafka.restart()
      await using own = feeding() // the broker has lost what it knew of the first one's sequence numbers
      const { events } = feederOf(own, test)
      if (which === 'activations') for (const from of [6, 9]) await events(from)
      else
        await produce(
          own,
          information,
          ...Array.from({ length: 4 }, () => ({ key: 'other', value: { externalId: 'x' } })),
        )
      await using log = kafkaLog({ brokers: [...kafka.brokers] })
      const { app, emitted } = await start(log)
      if (which === 'activations') {
        const error: unknown = await app.closed.catch((reason: unknown) => reason)
        expect(isJoineryError(error, 'OFFSET_OUT_OF_RANGE') && error).toMatchObject({
          topic: activations.name,
          offset: 6,
        })
        expect(rebuilt).toEqual([])
        return
      }
      await app.ready
      expect(rebuilt).toEqual([{ type: 'rebuilding', table: information.name, task: 0, offset: 6 }])
      await events(6)
      await expect.poll(emitted, LIMIT).toBe(9)
      await app.close()
      const found = (await recordsOf(own, notifications.name)).map(
        ({ value }) => notifications.value.decode(value as Uint8Array).externalId,
      )
      expect(found.slice(-3).sort()).toEqual(KEYS.map((key) => `old ${key}`))
    },
    120_000,
  )
})
