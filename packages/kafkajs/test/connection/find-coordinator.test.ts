import { describe, expect, it } from 'vitest'
import { BROKER_RESOURCE, DESCRIBE_CONFIGS } from '../../src/protocol/describe-configs.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { FIND_COORDINATOR } from '../../src/protocol/find-coordinator.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'

interface Setup {
  readonly brokers?: number
  /** The error codes of the first responses; after them there is a coordinator. */
  readonly codes: readonly number[]
  /** The value of the setting; `undefined`: this user may not describe brokers. */
  readonly replicationFactor?: number
}

function coordinators({ brokers = 1, codes, replicationFactor }: Setup) {
  const kafka = new FakeBrokers(brokers)
  const left = [...codes]
  const described: unknown[] = []
  kafka.on(FIND_COORDINATOR, ({ coordinatorKeys }) => ({
    coordinators: coordinatorKeys.map((key) => ({
      key,
      nodeId: 1,
      host: 'broker-1',
      port: 9092,
      errorCode: left.shift() ?? 0,
      errorMessage: null,
    })),
  }))
  kafka.on(DESCRIBE_CONFIGS, ({ resources }, node) => ({
    results: resources.map(({ resourceType, resourceName, configurationKeys }) => {
      described.push({ node, resourceType, resourceName, configurationKeys })
      const isAllowed = replicationFactor !== undefined
      return {
        errorCode: isAllowed ? 0 : CODE.CLUSTER_AUTHORIZATION_FAILED,
        errorMessage: null,
        resourceType,
        resourceName,
        configs: isAllowed
          ? (configurationKeys ?? []).map((name) => ({
              name,
              value: String(replicationFactor),
              readOnly: true,
              isSensitive: false,
              synonyms: [],
            }))
          : [],
      }
    }),
  }))
  const { options } = kafka
  const cluster = kafka.cluster(options)
  const find = async (type: 'group' | 'transaction', ms = 15_000) => {
    const outcome = outcomeOf(cluster.coordinatorOf(type, 'app'))
    await kafka.advance(ms)
    return outcome
  }
  return { kafka, find, described, problems: () => options.retries.problems }
}
const always = (code: number) => Array.from({ length: 1_000 }, () => code)

describe('finding a coordinator', () => {
  it.each(['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'] as const)(
    'waits after %s, and reports it after a second until there is one',
    async (name) => {
      const { kafka, find, problems } = coordinators({ codes: Array.from({ length: 13 }, () => CODE[name]) })
      expect(await find('group')).toMatchObject({ result: 1 })
      expect(kafka.reports.map(({ message }) => message)).toEqual(
        Array.from({ length: 3 }, () => expect.stringContaining(`FindCoordinator of app failed with ${name}`)),
      )
      expect(problems()).toEqual([])
    },
  )

  it('reports nothing if the coordinator is there within a second: after a start, or when it moves', async () => {
    const { kafka, find } = coordinators({ codes: Array.from({ length: 10 }, () => CODE.COORDINATOR_NOT_AVAILABLE) })
    expect(await find('group')).toMatchObject({ result: 1 })
    expect(kafka.reports).toEqual([])
  })

  it.each([
    ['group', 'offsets.topic.replication.factor'],
    ['transaction', 'transaction.state.log.replication.factor'],
  ] as const)(
    'of a %s reports within seconds that the cluster has one broker, and the state needs three, and names %s; then it fails',
    async (type, setting) => {
      const codes = always(CODE.COORDINATOR_NOT_AVAILABLE)
      const { kafka, find, described, problems } = coordinators({ codes, replicationFactor: 3 })
      const outcome = await find(type, 1_500)
      const words = `the cluster has 1 broker, but its ${setting} is 3, so that it has no coordinators: start or add brokers, or set it to 1`
      expect(outcome.isSettled).toBe(false)
      expect(problems()).toEqual([expect.stringContaining(words)])
      expect(new Set(kafka.reports.map(({ message }) => message)).size).toBe(1)
      await kafka.advance(29_000)
      expect(outcome.isSettled).toBe(false)
      await kafka.advance(1_000)
      expect(outcome.error).toMatchObject({
        code: 'LOG_FAILED',
        retriable: false,
        message: expect.stringContaining(words),
      })
      expect(described[0]).toEqual({
        node: 1,
        resourceType: BROKER_RESOURCE,
        resourceName: '1',
        configurationKeys: [setting],
      })
      expect(problems()).toEqual([])
    },
  )

  it.each([5_000, 29_000, 30_900])(
    'waits while the cluster starts: it continues if the brokers that are missing start within %i ms',
    async (ms) => {
      const codes = Array.from({ length: ms / 100 + 20 }, () => CODE.COORDINATOR_NOT_AVAILABLE)
      const { kafka, find, problems } = coordinators({ brokers: 3, codes, replicationFactor: 3 })
      kafka.listed = [1]
      const outcome = await find('group', ms)
      expect(problems()).toEqual([expect.stringContaining('the cluster has 1 broker')])
      kafka.listed = undefined
      await kafka.advance(1_500)
      expect(outcome.error).toBeUndefined()
      await kafka.advance(1_500)
      expect(outcome).toMatchObject({ result: 1 })
      expect(problems()).toEqual([])
    },
  )

  it('waits as long as for any coordinator once the brokers are there', async () => {
    const codes = always(CODE.COORDINATOR_NOT_AVAILABLE)
    const { kafka, find } = coordinators({ brokers: 3, codes, replicationFactor: 3 })
    kafka.listed = [1]
    const outcome = await find('group', 20_000)
    kafka.listed = undefined
    await kafka.advance(9_000)
    expect(outcome.isSettled).toBe(false)
    await kafka.advance(5_000)
    expect(outcome.error).toMatchObject({ name: 'ProtocolError', code: CODE.COORDINATOR_NOT_AVAILABLE })
  })

  it.each([
    ['the cluster has enough brokers', { brokers: 3, replicationFactor: 3 }],
    ['this user may not describe the cluster', { brokers: 1 }],
  ])('fails with the error of the coordinator if %s', async (_, setup) => {
    const { find } = coordinators({ codes: always(CODE.COORDINATOR_NOT_AVAILABLE), ...setup })
    const { error } = await find('group')
    expect(error).toMatchObject({
      name: 'ProtocolError',
      code: CODE.COORDINATOR_NOT_AVAILABLE,
      message: 'FindCoordinator of app failed with COORDINATOR_NOT_AVAILABLE',
    })
  })

  it.each([
    ['group', '__consumer_offsets'],
    ['transaction', '__transaction_state'],
  ] as const)(
    'of a %s waits although a broker is missing if %s exists: its partition has no leader for the moment',
    async (type, topic) => {
      const codes = Array.from({ length: 70 }, () => CODE.COORDINATOR_NOT_AVAILABLE)
      const { kafka, find } = coordinators({ brokers: 3, codes, replicationFactor: 3 })
      kafka.topics[topic] = [-1]
      kafka.listed = [2, 3]
      expect(await find(type)).toMatchObject({ result: 1 })
    },
  )

  it('waits at most a second for the settings of a broker that does not respond', async () => {
    const codes = Array.from({ length: 30 }, () => CODE.COORDINATOR_NOT_AVAILABLE)
    const { kafka, find } = coordinators({ brokers: 3, codes, replicationFactor: 3 })
    kafka.broker(1).state = 'frozen'
    expect(await find('group')).toMatchObject({ result: 1 })
    const [, foundAt] = kafka.arrivals(FIND_COORDINATOR).at(-1) as [number, number]
    expect(foundAt).toBeLessThan(8_000)
  })

  it.each([
    ['group', 'GROUP_AUTHORIZATION_FAILED', 'use group app'],
    ['transaction', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'use transactional id app'],
  ] as const)('of a %s fails at once without an ACL', async (type, name, what) => {
    const { kafka, find } = coordinators({ codes: [CODE[name]] })
    expect((await find(type)).error).toMatchObject({
      code: 'NOT_AUTHORIZED',
      retriable: false,
      message: expect.stringContaining(what),
    })
    expect(kafka.reports).toEqual([])
  })
})
