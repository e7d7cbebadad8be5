import type { Socket } from 'node:net'
import { JoineryError } from '@joinery/core'
import type { Kafka } from 'kafkajs'

/** What Joinery uses of kafkajs 2.2.4 beyond its documented surface, as that version has it. */
export interface InternalConnection {
  socket: Socket
  readonly clientId: string
  readonly sessionLifetime: { toNumber(): number }
  readonly requestQueue: { destroy(): void }
  setVersions(versions: unknown): void
  setSupportAuthenticationProtocol(isSupported: unknown): void
  getSupportAuthenticationProtocol(): unknown
  connect(): Promise<unknown>
  authenticate(): Promise<void>
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
}

export interface InternalPool {
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly pool: readonly InternalConnection[]
}

export interface InternalBroker {
  readonly nodeId: number | string
  readonly versions: unknown
  readonly connectionPool: InternalPool
}

export interface InternalCluster {
  readonly connectionPoolBuilder: {
    build(at: { host: string; port: number; rack: string | null }): Promise<InternalPool>
  }
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  findBroker(at: { nodeId: string }): Promise<InternalBroker>
  findControllerBroker(): Promise<InternalBroker>
  findGroupCoordinator(group: { groupId: string }): Promise<InternalBroker>
}

const PINNED = '2.2.4'

/**
 * The cluster object behind a client: kafkajs hands it to partition assigners.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is
 */
export function clusterOf(kafka: Kafka): InternalCluster {
  let found: unknown
  kafka.consumer({
    groupId: 'unused',
    partitionAssigners: [
      ({ cluster }: { cluster: unknown }) => {
        found = cluster
        return {
          name: 'unused',
          version: 0,
          protocol: () => ({ name: 'unused', metadata: Buffer.alloc(0) }),
          assign: async () => [],
        }
      },
    ],
  })
  const cluster = found as InternalCluster
  requireFunctions('cluster', cluster, [
    'connect',
    'disconnect',
    'refreshMetadata',
    'findBroker',
    'findControllerBroker',
    'findGroupCoordinator',
  ])
  requireFunctions('cluster.connectionPoolBuilder', cluster.connectionPoolBuilder, ['build'])
  return cluster
}

/** Fails unless an object of kafkajs has the methods that are called on it. */
export function requireFunctions(what: string, object: unknown, names: readonly string[]): void {
  const missing = names.filter((name) => typeof (object as Record<string, unknown> | undefined)?.[name] !== 'function')
  if (missing.length === 0) return
  throw new JoineryError(
    'CLIENT_UNSUPPORTED',
    `kafkajs' ${what} has no ${missing.join(', ')}: install kafkajs ${PINNED} exactly, Joinery relies on how that version is built`,
  )
}
