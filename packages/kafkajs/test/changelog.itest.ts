import { type JoineryError, json, produce, run, stream, table, text, topic } from '@joinery/core'
import { ConfigResourceTypes } from 'kafkajs'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type Information, type TestJoin, testJoin } from './support/join.js'
import { recordsOf, recordsOfPartition } from './support/records.js'
import { administer, createTopics, growTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const INPUT_MAX = 2_000_000

describe('the changelog', () => {
  let name: (topic: string) => string
  let join: TestJoin
  let application: string
  let changelog: string

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    application = name('service')
    changelog = `${application}-changelog`
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      { topic: activations.name, partitions: 1, config: { 'max.message.bytes': INPUT_MAX } },
      { topic: information.name, partitions: 1 },
      { topic: notifications.name, partitions: 1 },
      { topic: dead, partitions: 1 },
    )
  })

  const log = () => kafkaLog({ brokers })
  const start = async (pipeline = join.pipeline) => {
    const opened = log()
    const app = await run(pipeline, { application, log: opened })
    return { app, [Symbol.asyncDispose]: () => app.close().then(() => opened[Symbol.asyncDispose]()) }
  }
  /** @returns the error that ends an application, at the start or soon after */
  const failure = async (pipeline = join.pipeline): Promise<JoineryError> => {
    await using opened = log()
    try {
      const app = await run(pipeline, { application, log: opened })
      await app.closed
    } catch (error) {
      return error as JoineryError
    }
    throw new Error('it did not fail')
  }
  /** Runs until one activation waits, then closes. */
  const runOnce = async () => {
    await using running = await start()
    await running.app.ready
    await using feeder = log()
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    await produce(feeder, join.activations, { key: 'q', value: { id: 1, productId: 'q' } })
    await expect.poll(() => running.app.metrics().pipelines[join.activations.name]?.waiting, LIMIT).toBe(1)
  }

  it('holds OWNER, ROW, WAITER and POSITION, in the bytes that are documented', async () => {
    await runOnce()
    await using reader = log()
    const records = await recordsOfPartition(reader, changelog, 0)
    const hex = (value: Uint8Array | null | undefined) => value && Buffer.from(value).toString('hex')
    const string = (value: string) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(Buffer.byteLength(value))
      return Buffer.concat([length, Buffer.from(value)]).toString('hex')
    }

    const [owner] = records
    expect(hex(owner?.key)).toBe('0100')
    const owned = Buffer.from(owner?.value ?? [])
    expect(owned.toString('hex', 0, 17)).toMatch(/^02[0-9a-f]{32}$/)
    const transactionalId = owned.toString('utf8', 17)
    expect(transactionalId).toMatch(new RegExp(`^${application}-[0-9a-f]{12}[.]0$`))
    // the first record of each transaction names its producer
    expect(owner?.headers.map(([name, value]) => [name, String(value)])).toEqual([
      ['joinery-transactional-id', transactionalId],
    ])

    const row = records.find(({ key }) => hex(key)?.startsWith('0103'))
    expect(hex(row?.key)).toBe(`0103${string(join.information.name)}${Buffer.from('p').toString('hex')}`)

    const waiter = records.find(({ key }) => hex(key)?.startsWith('0102'))
    expect(hex(waiter?.key)).toBe(`0102${string(join.activations.name)}0000000000000000`)
    expect(waiter?.value?.[0]).toBe(1)

    const position = records.findLast(({ key }) => hex(key) === '0101')
    expect(position?.value?.[0]).toBe(1)
    const ids = new Map(
      (await reader.source.describe([join.activations.name, join.information.name])).map(({ topic, id }) => [
        topic,
        id,
      ]),
    )
    expect(
      JSON.parse(
        Buffer.from(position?.value ?? [])
          .subarray(1)
          .toString(),
      ),
    ).toMatchObject({
      writtenAt: expect.any(Number),
      inputs: {
        [join.activations.name]: { id: ids.get(join.activations.name), next: 1 },
        [join.information.name]: { id: ids.get(join.information.name), next: 1 },
      },
      partitions: 1,
      hash: expect.any(String),
      totals: { [join.activations.name]: { in: 1, waiting: 1 } },
    })
  })

  it('is created with the settings that recovery depends on', async () => {
    await runOnce()
    const settings = await administer({ brokers }, async (admin) => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: changelog }],
      })
      return Object.fromEntries(
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? [],
      )
    })
    expect(settings).toMatchObject({
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'segment.bytes': String(64 * 2 ** 20),
      'segment.ms': '3600000',
      'delete.retention.ms': '86400000',
      'min.cleanable.dirty.ratio': '0.1',
      'max.message.bytes': String(INPUT_MAX + 128 * 1024),
    })
  })

  it('that exists with another cleanup.policy is rejected, and stays unchanged', async () => {
    await createTopics({ brokers }, { topic: changelog, partitions: 1, config: { 'cleanup.policy': 'delete' } })
    expect(await failure()).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      topic: changelog,
      problems: expect.arrayContaining([expect.stringContaining('cleanup.policy')]),
    })
  })

  it('that loses its clock while the application runs ends it with the setting, and no output is from the past', async () => {
    const { activations, information } = join
    const strict = { ...join.notifications, name: name('strict') }
    // refuses the result of an old event, so that the task is opened again
    const config = { 'message.timestamp.before.max.ms': 3_600_000 }
    await createTopics({ brokers }, { topic: strict.name, partitions: 1, config })
    const pipeline = stream(activations, { onError: { deadLetter: join.dead } })
      .join(table(information), (activation, { externalId }) => ({ ...activation, externalId }))
      .to(strict)
    const began = Date.now()
    await using running = await start(pipeline)
    await using feeder = log()
    const event = (id: number, timestamp = Date.now()) => ({ key: 'p', value: { id, productId: 'p' }, timestamp })
    await produce(feeder, information, { key: 'p', value: { externalId: 'x' } })
    await produce(feeder, activations, event(1))
    await expect.poll(() => running.app.metrics().pipelines[activations.name]?.emitted, LIMIT).toBe(1)
    const ended = running.app.closed.catch((error: unknown) => error)
    await administer({ brokers }, (admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name: changelog,
            configEntries: [
              { name: 'cleanup.policy', value: 'compact' },
              { name: 'message.timestamp.type', value: 'CreateTime' },
            ],
          },
        ],
      }),
    )
    await produce(feeder, activations, event(2, began - 2 * 86_400_000), event(3))
    expect(await ended).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      retriable: false,
      topic: changelog,
      message: expect.stringContaining('set message.timestamp.type'),
    })
    const outputs = await recordsOf(feeder, strict.name)
    expect(outputs).toHaveLength(1)
    expect(outputs[0]?.timestamp).toBeGreaterThanOrEqual(began)
  })

  it('of inputs that have more partitions now is rejected', async () => {
    await runOnce()
    await growTopics({ brokers }, 2, join.activations.name, join.information.name)
    expect(await failure()).toMatchObject({ code: 'PARTITIONS_CHANGED' })
  })

  it('of an input that was deleted and created again is rejected', async () => {
    await runOnce()
    await administer({ brokers }, (admin) => admin.deleteTopics({ topics: [join.information.name] }))
    await expect
      .poll(() => administer({ brokers }, (admin) => admin.listTopics()), LIMIT)
      .not.toContain(join.information.name)
    await createTopics({ brokers }, { topic: join.information.name, partitions: 1 })
    expect(await failure()).toMatchObject({ code: 'TOPIC_RECREATED', topic: join.information.name })
  })

  it('of other joins than those that run is rejected', async () => {
    await runOnce()
    const other = topic(name('other'), { key: text(), value: json<Information>() })
    await createTopics({ brokers }, { topic: other.name, partitions: 1 })
    const changed = stream(join.activations)
      .join(table(join.information), (activation) => activation)
      .join(table(other), (activation, { externalId }) => ({ ...activation, externalId }))
      .to(join.notifications)
    expect(await failure(changed)).toMatchObject({ code: 'PIPELINE_CHANGED' })
  })
})
