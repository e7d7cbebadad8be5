import type { Socket } from 'node:net'

// The internals of kafkajs 2.2.4 that Joinery uses in addition to its public API.

export interface InternalRequestQueue {
  readonly pending: readonly unknown[]
  destroy(): void
  scheduleCheckPendingRequests(): void
}

export interface InternalConnection {
  socket: Socket
  readonly clientId: string
  readonly sessionLifetime: { toNumber(): number }
  readonly requestQueue: InternalRequestQueue
  isConnected(): boolean
  setVersions(versions: unknown): void
  setSupportAuthenticationProtocol(isSupported: unknown): void
  getSupportAuthenticationProtocol(): unknown
  connect(): Promise<unknown>
  send(request: unknown): Promise<unknown>
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
  findGroupCoordinator(group: { groupId: string }): Promise<InternalCoordinator>
  findTopicPartitionMetadata(topic: string): readonly unknown[]
}

/** kafkajs' object for the broker that coordinates a group. */
export interface InternalCoordinator {
  syncGroup(request: { generationId: number; memberId: string }): Promise<unknown>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }): Promise<unknown>
}
