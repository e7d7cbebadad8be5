import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type AppEvent, isJoineryError, produce, recordOrigin, run } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const LIMIT = { timeout: 60_000, interval: 50 }
const KEYS = ['a', 'b', 'c']
/** Events before the loss: half of them are before the place from which everything is lost. */
const BEFORE = 2 * KEYS.length

type Log = ReturnType<typeof kafkaLog>

/** An application, one of whose topics loses its end. */
class TruncatedApplication {
  readonly name: (topic: string) => string = unique()
  readonly join = testJoin(this.name)
  readonly rebuilt: AppEvent[] = []
  /** The topic that loses its end, and what is left of it in bytes. */
  topic = ''
  bytes = 0
  readonly #kafka: Kafka

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  get changelog(): string {
    return `${this.name('service')}-changelog`
  }

  /** Works with two halves of rows and events. The end of the topic that is named is behind what the first half wrote. */
  async prepare(which: (application: TruncatedApplication) => string): Promise<void> {
    const { activations, information, notifications, dead } = this.join
    const plain = [activations.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 }))
    const compacted = { topic: information.name, partitions: 1, config: { 'cleanup.policy': 'compact' } }
    await createTopics(this.#kafka, ...plain, compacted)
    await using log = this.log()
    for (const [version, from] of [['old ', 0] as const, ['lost ', KEYS.length] as const]) {
      await this.rows(log, version)
      await this.events(log, from)
      const { app, emitted } = await this.start(log)
      await vi.waitFor(() => expect(emitted()).toBe(from + KEYS.length), LIMIT)
      await app.close()
      if (from > 0) continue
      this.topic = which(this)
      await recordsOf(log, this.topic) // waits for the markers of its transactions
      this.bytes = statSync(segmentOf(this.#kafka, this.topic)).size
    }
  }

  log(): Log {
    return kafkaLog({ brokers: [...this.#kafka.brokers] })
  }

  async start(log: Log) {
    const onEvent = (event: AppEvent) => void (event.type === 'rebuilding' && this.rebuilt.push(event))
    const app = await run(this.join.pipeline, { application: this.name('service'), log, onEvent })
    return { app, emitted: () => app.metrics().pipelines[this.join.activations.name]?.emitted }
  }

  rows(log: Log, version: string): Promise<void> {
    return produce(log, this.join.information, ...KEYS.map((key) => ({ key, value: { externalId: version + key } })))
  }

  events(log: Log, from: number): Promise<void> {
    const events = KEYS.map((key, i) => ({ key, value: { id: from + i, productId: key } }))
    return produce(log, this.join.activations, ...events)
  }

  async outputs(log: Log) {
    const { notifications } = this.join
    return (await recordsOf(log, notifications.name)).map(({ value, headers }) => ({
      ...notifications.value.decode(value as Uint8Array),
      origin: recordOrigin(headers),
    }))
  }
}

const segmentOf = ({ data = '' }: Kafka, topic: string) => join(data, `${topic}-0`, '00000000000000000000.log')

/** The ends of logs are lost with the page cache, as in a power failure. */
async function loseEnds(kafka: Kafka, applications: readonly TruncatedApplication[]): Promise<void> {
  const { data = '' } = kafka
  await kafka.kill()
  for (const { topic, bytes } of applications) {
    truncateSync(segmentOf(kafka, topic), bytes)
    const folder = join(data, `${topic}-0`)
    for (const file of readdirSync(folder)) if (/(index|snapshot)$/.test(file)) rmSync(join(folder, file))
  }
  for (const file of ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint', '.kafka_cleanshutdown'])
    rmSync(join(data, file), { force: true })
  await kafka.restart()
}

describe.skipIf(!isPossible)('a broker that loses the end of a topic', () => {
  let kafka: Kafka
  const applications: Record<string, TruncatedApplication> = {}
  /** `undefined` for a broker in a container, whose files cannot be changed. */
  const applicationOf = (label: string): TruncatedApplication | undefined => applications[label]

  beforeAll(async () => {
    kafka = await startKafka({ own: true })
    if (kafka.data === undefined) return
    const losing: Readonly<Record<string, (application: TruncatedApplication) => string>> = {
      'events, grown': ({ join }) => join.activations.name,
      events: ({ join }) => join.activations.name,
      'table, grown': ({ join }) => join.information.name,
      table: ({ join }) => join.information.name,
      changelog: ({ changelog }) => changelog,
      output: ({ join }) => join.notifications.name,
    }
    for (const label of Object.keys(losing)) applications[label] = new TruncatedApplication(kafka)
    const all = Object.entries(applications)
    await Promise.all(all.map(([label, application]) => application.prepare(losing[label] as () => string)))
    await loseEnds(kafka, Object.values(applications))
  }, 120_000)
  afterAll(() => kafka?.stop())

  it.for(['events', 'events, grown'])(
    'of events: the application ends with the offset (%s)',
    async (label, { skip }) => {
      const application = applicationOf(label) ?? skip('the broker is in a container')
      await using log = application.log()
      if (label === 'events, grown') for (const from of [BEFORE, 9]) await application.events(log, from)
      const error: unknown = await application
        .start(log)
        .then(
          ({ app }) => app.closed,
          (reason: unknown) => reason,
        )
        .catch((reason: unknown) => reason)
      expect(isJoineryError(error, 'OFFSET_OUT_OF_RANGE') && error).toMatchObject({
        topic: application.join.activations.name,
        offset: BEFORE,
      })
      expect(application.rebuilt).toEqual([])
      expect((await application.outputs(log)).map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5])
    },
  )

  it.for(['table', 'table, grown'])('of a table: it is rebuilt from what is left (%s)', async (label, { skip }) => {
    const application = applicationOf(label) ?? skip('the broker is in a container')
    const { information } = application.join
    await using log = application.log()
    const others = Array.from({ length: 4 }, () => ({ key: 'other', value: { externalId: 'x' } }))
    if (label === 'table, grown') await produce(log, information, ...others)
    const { app, emitted } = await application.start(log)
    await using _ = app
    await app.ready
    expect(application.rebuilt).toEqual([{ type: 'rebuilding', table: information.name, task: 0, offset: BEFORE }])
    await application.events(log, BEFORE)
    await expect.poll(emitted, LIMIT).toBe(BEFORE + KEYS.length)
    const outputs = (await application.outputs(log)).slice(BEFORE)
    expect(outputs.map(({ externalId }) => externalId)).toEqual(KEYS.map((key) => `old ${key}`))
    expect(app.health().problems).toEqual([])
  })

  it('of the changelog: what was committed there is processed again, and its outputs are written twice', async ({
    skip,
  }) => {
    const application = applicationOf('changelog') ?? skip('the broker is in a container')
    await using log = application.log()
    await application.events(log, BEFORE)
    const { app, emitted } = await application.start(log)
    await using _ = app
    await expect.poll(emitted, LIMIT).toBe(BEFORE + KEYS.length)
    const outputs = await application.outputs(log)
    expect(outputs.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8])
    expect(outputs.slice(6, 9)).toEqual(outputs.slice(3, 6)) // with the same origins: a consumer can skip them
  })

  it('of an output: what was in it is gone, as for every producer, and nothing else', async ({ skip }) => {
    const application = applicationOf('output') ?? skip('the broker is in a container')
    await using log = application.log()
    await application.events(log, BEFORE)
    const { app, emitted } = await application.start(log)
    await using _ = app
    await expect.poll(emitted, LIMIT).toBe(BEFORE + KEYS.length)
    expect((await application.outputs(log)).map(({ id }) => id)).toEqual([0, 1, 2, 6, 7, 8])
  })
})
