import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { promisify } from 'node:util'
import { type JoineryError, produce, run } from '@joinery/core'
import kafkajs, { type AclEntry, type KafkaConfig } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Kafka, startKafka } from '../../testbed/src/index.js'
import { freePort } from '../../testbed/src/servers/free-port.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { administer, createTopics, unique } from './support/topics.js'

const { AclOperationTypes: Operation, AclResourceTypes: Resource, ResourcePatternTypes: Pattern } = kafkajs
const { isPossible } = inject('ownKafka')
const LIMIT = { timeout: 20_000, interval: 20 }

/** The permissions; each test omits one. */
const grants = ({ activations, information, notifications, dead }: TestJoin, application: string) => {
  const topic = (name: string, ...operations: number[]) =>
    operations.map((operation) => ({ resourceType: Resource.TOPIC, resourceName: name, operation }))
  const changelog = `${application}-changelog`
  return {
    'Read on an input': [...topic(activations.name, Operation.READ), ...topic(information.name, Operation.READ)],
    'Describe on the inputs': [activations, information].flatMap(({ name }) => topic(name, Operation.DESCRIBE)),
    'DescribeConfigs on all topics': [activations.name, information.name, notifications.name, dead, changelog].flatMap(
      (name) => topic(name, Operation.DESCRIBE_CONFIGS),
    ),
    'Write on the output': topic(notifications.name, Operation.WRITE),
    'Describe on the output': topic(notifications.name, Operation.DESCRIBE),
    'Write on the dead-letter topic': topic(dead, Operation.WRITE),
    'Create on the changelog': topic(changelog, Operation.CREATE),
    'Read on the changelog': topic(changelog, Operation.READ),
    'Write on the changelog': topic(changelog, Operation.WRITE),
    'Write on the transactional ids': [
      {
        resourceType: Resource.TRANSACTIONAL_ID,
        resourceName: `${application}-`,
        resourcePatternType: Pattern.PREFIXED,
        operation: Operation.WRITE,
      },
    ],
    'Read on the group': [{ resourceType: Resource.GROUP, resourceName: application, operation: Operation.READ }],
  }
}
type Grant = keyof ReturnType<typeof grants>

describe.skipIf(!isPossible)('a cluster with TLS, SASL and ACLs', () => {
  let folder: string
  let kafka: Kafka
  /** A listener without TLS and SASL. */
  let plain: string
  let ca: string
  let name: (topic: string) => string
  let join: TestJoin
  let application: string

  beforeAll(async () => {
    folder = await mkdtemp(path(tmpdir(), 'joinery-tls-'))
    await chmod(folder, 0o755)
    const [key, certificate, store] = ['key.pem', 'certificate.pem', 'store.pem'].map((file) => path(folder, file)) as [
      string,
      string,
      string,
    ]
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
    ])
    ca = await readFile(certificate, 'utf8')
    await writeFile(store, `${await readFile(key, 'utf8')}${ca}`)
    const port = await freePort()
    plain = `127.0.0.1:${port}`
    kafka = await startKafka({
      own: true,
      proxied: { port, advertised: port },
      security: 'SASL_SSL',
      files: folder,
      properties: {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': store,
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_admin="admin-secret" user_service="service-secret";',
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:admin;User:ANONYMOUS',
      },
    })
  }, 120_000)
  afterAll(async () => {
    await kafka?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const cluster = (username: string, password = `${username}-secret`): KafkaConfig => ({
    brokers: [...kafka.brokers],
    ssl: { ca: [ca] },
    sasl: { mechanism: 'plain', username, password },
  })
  const admin = () => cluster('admin') as KafkaConfig & { brokers: string[] }

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    application = name('service')
    const { activations, information, notifications, dead } = join
    await createTopics(
      admin(),
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
    )
  })

  const allow = (...without: readonly Grant[]) => {
    const acl: AclEntry[] = Object.entries(grants(join, application))
      .filter(([grant]) => !without.includes(grant as Grant))
      .flatMap(([, entries]) => entries)
      .map((entry) => ({
        resourcePatternType: Pattern.LITERAL,
        principal: 'User:service',
        host: '*',
        permissionType: kafkajs.AclPermissionTypes.ALLOW,
        ...entry,
      }))
    return administer(admin(), (client) => client.createAcls({ acl }))
  }
  /** Sends an activation that could be joined. Returns the error that ended the application. */
  const failure = async (config = cluster('service')): Promise<JoineryError> => {
    await using feeder = kafkaLog(admin())
    await using log = kafkaLog(config)
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    await produce(feeder, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
    try {
      const app = await run(join.pipeline, { application, log })
      await app.closed
    } catch (error) {
      return error as JoineryError
    }
    throw new Error('it did not fail')
  }

  it('is used with the configuration of kafkajs, and with these permissions alone', async () => {
    await allow()
    await using feeder = kafkaLog(admin())
    await using log = kafkaLog(cluster('service'))
    await produce(feeder, join.information, { key: 'p', value: { externalId: 'x' } })
    await produce(feeder, join.activations, { key: 'p', value: { id: 1, productId: 'p' } })
    await using app = await run(join.pipeline, { application, log })
    await expect.poll(() => app.metrics().pipelines[join.activations.name], LIMIT).toMatchObject({ in: 1, emitted: 1 })
  })

  const without: readonly [Grant, readonly Grant[], (join: TestJoin, application: string) => string][] = [
    ['Read on an input', [], ({ activations }) => activations.name],
    ['Describe on the inputs', ['Read on an input'], ({ activations }) => activations.name],
    ['Write on the output', [], ({ notifications }) => notifications.name],
    ['DescribeConfigs on all topics', [], ({ activations }) => activations.name],
    ['Create on the changelog', [], (_, application) => `${application}-changelog`],
    ['Read on the changelog', [], (_, application) => `${application}-changelog`],
    ['Write on the changelog', [], (_, application) => `${application}-changelog`],
    ['Write on the transactional ids', [], (_, application) => `${application}-`],
    ['Read on the group', [], (_, application) => `group ${application}`],
  ]
  it.each(without)(
    'without %s the application ends with NOT_AUTHORIZED, and the resource is named',
    async (grant, more, resource) => {
      await allow(grant, ...more)
      const error = await failure()
      expect(error).toMatchObject({ code: 'NOT_AUTHORIZED' })
      expect(error.message).toContain(resource(join, application))
    },
  )

  it('a wrong password ends it with NOT_AUTHORIZED', async () => {
    expect(await failure(cluster('service', 'wrong'))).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false })
  })

  it('an untrusted certificate is rejected, with the reason', async () => {
    const error = await failure({ ...cluster('service'), ssl: true, retry: { retries: 0 } })
    expect(error).toMatchObject({ code: 'LOG_FAILED', message: expect.stringMatching(/self-signed certificate/) })
  })
  const retry = { retries: 100 }
  const SASL = { mechanism: 'plain', username: 'service', password: 'service-secret' } as const
  const scram = { mechanism: 'scram-sha-256', username: 'service', password: 'service-secret' } as const

  it('no SASL on a listener with it is retried, and the reports say what to set', async () => {
    const reports: JoineryError[] = []
    const config = { brokers: [...kafka.brokers], ssl: { ca: [ca] }, retry: { retries: 1 } }
    await using log = kafkaLog({ ...config, onRetry: (error) => void reports.push(error) })
    const hint = {
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringMatching(/if this port requires SASL, set the option sasl/),
    }
    await expect(log.source.describe([join.information.name])).rejects.toMatchObject(hint)
    expect(reports).toMatchObject([hint])
  })

  it.each<[string, () => KafkaConfig, RegExp]>([
    [
      'TLS on a listener without it',
      () => ({ brokers: [plain], ssl: { ca: [ca] } }),
      /does not use TLS .*: remove ssl/,
    ],
    [
      'TLS and SASL on a listener without them',
      () => ({ brokers: [plain], ssl: { ca: [ca] }, sasl: SASL }),
      /does not use TLS .*: remove ssl/,
    ],
    ['no TLS on a listener with it', () => ({ brokers: [...kafka.brokers] }), /uses TLS .*: set ssl/],
    ['SASL without TLS', () => ({ brokers: [...kafka.brokers], sasl: SASL }), /uses TLS .*: set ssl/],
    ['SASL on a listener without it', () => ({ brokers: [plain], sasl: SASL }), /does not use SASL.*: remove sasl/],
    [
      'a mechanism that is not enabled',
      () => ({ brokers: [...kafka.brokers], ssl: { ca: [ca] }, sasl: scram }),
      /set sasl\.mechanism/,
    ],
  ])('%s is an error of the options, at once', async (_, config, message) => {
    const reports: JoineryError[] = []
    await using log = kafkaLog({ ...config(), retry, onRetry: (error) => void reports.push(error) })
    const error = await log.source.describe([join.information.name]).catch((caught: JoineryError) => caught)
    expect(error).toMatchObject({ code: 'OPTION_INVALID', retriable: false, message: expect.stringMatching(message) })
    expect(reports).toEqual([])
  })
})
