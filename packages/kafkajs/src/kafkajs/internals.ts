import type { Socket } from 'node:net'

// What Joinery uses of kafkajs 2.2.4 beyond its documented surface, as that version has it.

/** A connection of kafkajs: it opens and authenticates a socket. */
export interface InternalConnection {
  socket: Socket | undefined
  readonly clientId: string
  readonly sessionLifetime: { toNumber(): number }
  readonly requestQueue: { destroy(): void }
  setVersions(versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>): void
  setSupportAuthenticationProtocol(isSupported: boolean): void
  connect(): Promise<unknown>
  authenticate(): Promise<void>
  /** Sends one request; the authentication uses it, too. */
  send(request: unknown): Promise<unknown>
}

export interface InternalCluster {
  readonly connectionPoolBuilder: {
    build(at: { host: string; port: number }): Promise<{ readonly pool: readonly InternalConnection[] }>
  }
  findTopicPartitionMetadata(topic: string): readonly unknown[]
}
