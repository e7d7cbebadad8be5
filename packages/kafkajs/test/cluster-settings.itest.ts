import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { promisify } from 'node:util'
import { type AppEvent, type JoineryError, produce, run } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import { kafkaJars } from '../../testbed/src/kafka/kafka-jars.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { setProducerQuota } from '../../testbed/src/wire/client-quota.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { administer, type Cluster, createTopics, unique } from './support/topics.js'

const { isPossible } = inject('ownKafka')
const exec = promisify(execFile)
const POLICY = new URL('../../testbed/tools/StrictPolicy.java', import.meta.url).pathname
const IDLE_MS = 3_000
const LIMIT = { timeout: 40_000, interval: 20 }
/** A JDK compiles the policy. In CI there is one. */
const hasCompiler = await exec('javac', ['-version']).then(
  () => true,
  () => process.env.CI === 'true',
)

async function prepared(cluster: Cluster, name: (topic: string) => string): Promise<TestJoin> {
  const join = testJoin(name)
  const { activations, information, notifications, dead } = join
  const topics = [activations.name, information.name, notifications.name, dead]
  await createTopics(cluster, ...topics.map((topic) => ({ topic, partitions: 1 })))
  return join
}

/** Counts the sockets of a client. */
function watched(config: KafkaConfig) {
  const sockets: Socket[] = []
  const socketFactory: KafkaConfig['socketFactory'] = ({ host, port, onConnect }) => {
    const socket = connect(port, host, onConnect)
    sockets.push(socket)
    return socket
  }
  const open = () => sockets.filter(({ destroyed }) => !destroyed).length
  return { config: { ...config, socketFactory }, open, closed: () => sockets.length - open() }
}

describe.skipIf(!isPossible || !hasCompiler)('a cluster', () => {
  let kafka: Kafka
  let classes: string

  beforeAll(async () => {
    classes = await mkdtemp(path(tmpdir(), 'joinery-policy-'))
    await chmod(classes, 0o755)
    await exec('javac', ['-cp', `${await kafkaJars()}/*`, '-d', classes, POLICY])
    const properties = { 'create.topic.policy.class.name': 'StrictPolicy', 'connections.max.idle.ms': IDLE_MS }
    kafka = await startKafka({ own: true, classes, properties })
  }, 120_000)
  afterAll(async () => {
    await kafka?.stop()
    await rm(classes, { recursive: true, force: true })
  })

  it('whose policy refuses settings of topics gets a changelog without them, and one notice', async () => {
    const { brokers } = kafka
    const name = unique()
    const join = await prepared(kafka, name)
    const notices: JoineryError[] = []
    const changelog = { replicationFactor: 1 }
    await using log = kafkaLog({ brokers: [...brokers], changelog, onNotice: (notice) => notices.push(notice) })
    await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
    await produce(log, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
    await using app = await run(join.pipeline, { application: name('strict'), log })
    await expect.poll(async () => (await recordsOf(log, join.notifications.name)).length, LIMIT).toBe(1)
    expect(app.health().problems).toEqual([])
    expect(notices).toHaveLength(1)
    expect(notices[0]?.message).toMatch(/without .*segment\.bytes.*cannot be specified/)
  })

  it('with a topic whose name collides with the changelog: the error has the words of the broker', async () => {
    const name = unique()
    const join = await prepared(kafka, name)
    const application = name('service.a')
    await createTopics(kafka, { topic: `${application.replace('.', '_')}-changelog` })
    await using log = kafkaLog({ brokers: [...kafka.brokers] })
    await expect(run(join.pipeline, { application, log })).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: false,
      topic: `${application}-changelog`,
      message: expect.stringMatching(
        /cannot create topic .* collides with existing topic.*: choose another application name/,
      ),
    })
  })

  it.each(['zstd', 'lz4', 'snappy', 'gzip'])(
    'that compresses all topics with %s: the changelog is as it was written',
    async (codec) => {
      const compress = (value: string) =>
        administer(kafka, (admin) =>
          admin.alterConfigs({
            validateOnly: false,
            resources: [
              {
                type: kafkajs.ConfigResourceTypes.BROKER,
                name: '1',
                configEntries: [{ name: 'compression.type', value }],
              },
            ],
          }),
        )
      const name = unique()
      const join = await prepared(kafka, name)
      await using log = kafkaLog({ brokers: [...kafka.brokers] })
      // inputs are compressed by their producers, not by the cluster: reading those is another matter
      await administer(kafka, (admin) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [join.activations.name, join.information.name].map((topic) => ({
            type: kafkajs.ConfigResourceTypes.TOPIC,
            name: topic,
            configEntries: [{ name: 'compression.type', value: 'producer' }],
          })),
        }),
      )
      await compress(codec)
      try {
        const waiting = await run(join.pipeline, { application: name('service'), log })
        await produce(log, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
        const metrics = () => Object.values(waiting.metrics().pipelines)[0]
        await expect.poll(() => metrics()?.waiting, LIMIT).toBe(1)
        await waiting.close()
        await using app = await run(join.pipeline, { application: name('service'), log })
        await produce(log, join.information, { key: 'p', value: { externalId: 'x' } })
        await expect.poll(() => Object.values(app.metrics().pipelines)[0]?.emitted, LIMIT).toBe(1)
      } finally {
        await compress('producer')
      }
    },
  )

  it('that closes idle connections: they are reopened, and nothing is reported', async () => {
    const name = unique()
    const join = await prepared(kafka, name)
    const reports: string[] = []
    const { config, closed } = watched({ brokers: [...kafka.brokers] })
    await using feeder = kafkaLog({ brokers: [...kafka.brokers] })
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    await using log = kafkaLog({ ...config, onRetry: ({ message }) => reports.push(message) })
    const onEvent = (event: AppEvent) => event.type === 'reopening' && reports.push(event.reason)
    await using app = await run(join.pipeline, { application: name('service'), log, onEvent })
    await app.ready
    for (let id = 1; id <= 3; id++) {
      const before = closed()
      await expect.poll(closed, LIMIT).toBeGreaterThan(before)
      await produce(feeder, join.activations, { key: 'p', value: { id, productId: 'p' } })
      await expect.poll(() => Object.values(app.metrics().pipelines)[0]?.emitted, LIMIT).toBe(id)
    }
    expect(reports).toEqual([])
  })

  it('with a quota gets the outputs at its rate: nothing is reopened, and the throttling is reported', async () => {
    const EVENTS = 700
    const BYTES = 1_000
    const RATE = 20_000
    const name = unique()
    const join = await prepared(kafka, name)
    await using feeder = kafkaLog({ brokers: [...kafka.brokers] })
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    const padding = 'x'.repeat(BYTES)
    const events = Array.from({ length: EVENTS }, (_, id) => ({ key: 'p', value: { id, productId: padding } }))
    await produce(feeder, join.activations, ...events)
    const clientId = name('client')
    await setProducerQuota(kafka.brokers[0] as string, clientId, RATE)
    const reopened: string[] = []
    const onEvent = (event: AppEvent) => event.type === 'reopening' && reopened.push(event.reason)
    await using log = kafkaLog({ brokers: [...kafka.brokers], clientId })
    const began = performance.now()
    await using app = await run(join.pipeline, { application: name('service'), log, onEvent })
    let problems: readonly string[] = []
    const emitted = (count: number) =>
      expect
        .poll(
          () => {
            problems = [...problems, ...app.health().problems]
            return Object.values(app.metrics().pipelines)[0]?.emitted
          },
          { ...LIMIT, timeout: 120_000 },
        )
        .toBe(count)
    await emitted(EVENTS)
    const throttledMs = app.metrics().gauges.throttledMs as number
    expect(throttledMs).toBeGreaterThan(0)
    await produce(feeder, join.activations, { key: 'p', value: { id: EVENTS, productId: 'p' } })
    await emitted(EVENTS + 1)
    const tookMs = performance.now() - began
    expect(tookMs).toBeGreaterThan(throttledMs) // the last output waited for the throttling of those before it
    expect((EVENTS * BYTES) / (tookMs / 1_000)).toBeGreaterThan(RATE / 2)
    expect(reopened).toEqual([])
    expect(problems.join()).toMatch(/throttled this client/)
    await setProducerQuota(kafka.brokers[0] as string, clientId, 2 ** 30) // so that closing is not throttled
  }, 150_000)
})

describe.skipIf(!isPossible)('a cluster with one broker', () => {
  it('whose state of transactions needs three is named at the start', async () => {
    const setting = 'transaction.state.log.replication.factor'
    const kafka = await startKafka({ own: true, properties: { [setting]: 3 } })
    try {
      const name = unique()
      const join = await prepared(kafka, name)
      await using log = kafkaLog({ brokers: [...kafka.brokers] })
      await using app = await run(join.pipeline, { application: name('service'), log })
      const problems = () => app.health().problems.join()
      await expect
        .poll(problems, { ...LIMIT, timeout: 10_000 })
        .toContain(`the cluster has 1 broker, but its ${setting} is 3`)
      await expect(app.ready).rejects.toMatchObject({
        code: 'LOG_FAILED',
        retriable: false,
        message: expect.stringContaining(`the cluster has 1 broker, but its ${setting} is 3`),
      })
      await app.closed.catch(() => {})
    } finally {
      await kafka.stop()
    }
  }, 120_000)
})

describe.skipIf(!isPossible)('a cluster that ends SASL sessions soon', () => {
  /** kafkajs cannot do with less than 10 s. */
  const SESSION_MS = 11_000
  let kafka: Kafka

  beforeAll(async () => {
    kafka = await startKafka({
      own: true,
      security: 'SASL_PLAINTEXT',
      properties: {
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_service="service-secret";',
        'connections.max.reauth.ms': SESSION_MS,
      },
    })
  }, 120_000)
  afterAll(async () => {
    await kafka?.stop()
  })

  it('gets its connections closed before that: every event comes out, and their number does not grow', async () => {
    const sasl = { mechanism: 'plain', username: 'service', password: 'service-secret' } as const
    const cluster = { brokers: [...kafka.brokers], sasl }
    const name = unique()
    const join = await prepared(cluster, name)
    await using feeder = kafkaLog(cluster)
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    const { config, open, closed } = watched(cluster)
    await using log = kafkaLog(config)
    await using app = await run(join.pipeline, { application: name('service'), log })
    await app.ready
    const emitted = () => Object.values(app.metrics().pipelines)[0]?.emitted
    let events = 0
    const send = async () => {
      await produce(feeder, join.activations, { key: 'p', value: { id: events++, productId: 'p' } })
      await expect.poll(emitted, LIMIT).toBe(events)
    }
    await send()
    const atFirst = open()
    const most = { open: atFirst }
    // each connection is replaced twice
    while (closed() < 2 * atFirst) {
      await send()
      most.open = Math.max(most.open, open())
    }
    expect(most.open).toBeLessThanOrEqual(atFirst + 2)
  }, 120_000)
})
