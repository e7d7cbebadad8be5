import { isJoineryError } from '@joinery/core'
import kafkajs, { type Kafka } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaLog } from '../../src/kafka-log.js'
import { internalCluster } from '../../src/kafkajs/internal-cluster.js'
import { openSocket } from '../../src/kafkajs/open-socket.js'

const METHODS = [
  'connect',
  'disconnect',
  'refreshMetadata',
  'findBroker',
  'findControllerBroker',
  'findGroupCoordinator',
]

/** A client with the given cluster, which it passes on as kafkajs does. */
const client = (cluster: unknown) =>
  ({
    consumer: ({ partitionAssigners: [assigner] }: { partitionAssigners: ((at: unknown) => unknown)[] }) =>
      assigner?.({ cluster }),
  }) as unknown as Kafka
const complete = () => ({
  ...Object.fromEntries(METHODS.map((name) => [name, () => {}])),
  connectionPoolBuilder: { build: async () => {} },
})
const unsupported = (missing: string) =>
  expect.objectContaining({
    code: 'CLIENT_UNSUPPORTED',
    message: expect.stringMatching(new RegExp(`${missing}.*install kafkajs 2\\.2\\.4 exactly`)),
  })

describe('kafkajs as Joinery relies on it', () => {
  it('is 2.2.4', () => {
    const { cluster } = internalCluster(
      new kafkajs.Kafka({ brokers: ['localhost:1'], logLevel: kafkajs.logLevel.NOTHING }),
    )
    for (const name of METHODS) expect(cluster).toHaveProperty(name)
  })

  it('is checked before anything connects', async () => {
    await using log = kafkaLog({ brokers: ['localhost:1'] })
    expect(log.source).toBeDefined()
  })

  it.each(METHODS)('without the cluster’s %s is rejected with that name', (name) => {
    const cluster = { ...complete(), [name]: undefined }
    expect(() => internalCluster(client(cluster))).toThrow(unsupported(name))
  })

  it('without a builder of connections is rejected with that name', () => {
    expect(() => internalCluster(client({ ...complete(), connectionPoolBuilder: {} }))).toThrow(unsupported('build'))
    expect(() => internalCluster(client({ ...complete(), connectionPoolBuilder: undefined }))).toThrow(
      unsupported('build'),
    )
  })

  it('that passes no cluster is rejected', () => {
    expect(() => internalCluster({ consumer: () => ({}) } as unknown as Kafka)).toThrow(unsupported('connect'))
  })

  it.each([
    'setVersions',
    'setSupportAuthenticationProtocol',
    'getSupportAuthenticationProtocol',
    'connect',
    'authenticate',
  ])('without the connection’s %s is rejected with that name', async (name) => {
    const connection = {
      setVersions: () => {},
      setSupportAuthenticationProtocol: () => {},
      getSupportAuthenticationProtocol: () => true,
      connect: async () => {},
      authenticate: async () => {},
      requestQueue: { destroy: () => {} },
      [name]: undefined,
    }
    const pool = { host: 'localhost', port: 1, rack: null, pool: [connection] }
    const cluster = { connectionPoolBuilder: { build: async () => pool } }
    const opening = openSocket(cluster as never, { nodeId: 1, versions: {}, connectionPool: pool } as never)
    const error: unknown = await opening.then(
      () => undefined,
      (caught: unknown) => caught,
    )
    expect(isJoineryError(error, 'CLIENT_UNSUPPORTED')).toBe(true)
    expect(error).toEqual(unsupported(name))
  })
})
