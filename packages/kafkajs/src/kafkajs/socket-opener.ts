import { connect, type Socket } from 'node:net'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { type BrokerAddress, brokerAddressText } from '../broker-address.js'
import type { InternalCluster, InternalConnection } from './internals.js'
import { isHandshakeFailure, isKafka, isTlsAlert, listenerIsPlain, listenerUsesTls } from './listener-mismatch.js'
import { requireFunctions, requireLists } from './require-functions.js'

/** A socket that kafkajs has opened and authenticated. From now on kafkajs leaves it alone. */
export interface AuthenticatedSocket {
  readonly socket: Socket
  /** `host:port` of the broker. */
  readonly address: string
  readonly clientId: string
  /** How long the SASL session is valid, in milliseconds; infinite without one. */
  readonly sessionLifetimeMs: number
  /** Whether it has a SASL session; default: not known. */
  readonly usesSasl?: boolean
}

/** kafkajs' versions of SaslHandshake and SaslAuthenticate; every broker since Kafka 2.2 supports them. */
const SASL_VERSIONS = { 17: { minVersion: 0, maxVersion: 1 }, 36: { minVersion: 0, maxVersion: 1 } }

const PROBE_MS = 5_000

/** Opens sockets to brokers, with the TLS and SASL settings of kafkajs. */
export class SocketOpener {
  readonly #config: KafkaConfig
  readonly #build: InternalCluster['connectionPoolBuilder']['build']
  /** Sockets that are being opened. */
  readonly #opening = new Set<Opening>()
  #isClosed = false

  /** @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is */
  constructor(config: KafkaConfig) {
    this.#config = config
    const { connectionPoolBuilder } = internalCluster(
      new kafkajs.Kafka({ logLevel: kafkajs.logLevel.NOTHING, ...config }),
    )
    requireFunctions('cluster.connectionPoolBuilder', connectionPoolBuilder, ['build'])
    this.#build = (at) => connectionPoolBuilder.build(at)
  }

  /**
   * Opens and authenticates a socket.
   *
   * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is; `OPTION_INVALID` if only one
   * side uses TLS; errors of kafkajs, that of the failed request if the authentication fails
   */
  async open(address: BrokerAddress): Promise<AuthenticatedSocket> {
    const connection = await this.#connection(address)
    const broker = brokerAddressText(address)
    let isAlert = false
    this.#opening.add(connection)
    try {
      const connecting = connection.connect()
      if (this.#isClosed) end(connection) // it was closed while kafkajs looked for its options
      if (!this.#config.ssl)
        connection.socket?.once('data', (chunk: Buffer) => {
          isAlert = isTlsAlert(chunk)
        })
      await connecting.catch(async (error: object) => {
        throw this.#config.ssl && isHandshakeFailure(error) && (await this.#isPlain(address))
          ? listenerIsPlain(broker, error)
          : error
      })
      await authenticate(connection)
    } catch (error) {
      connection.socket?.destroy(error as Error) // the error makes kafkajs cancel its timers
      throw isAlert ? listenerUsesTls(broker) : error
    } finally {
      this.#opening.delete(connection)
    }
    return { ...released(connection, broker), usesSasl: Boolean(this.#config.sasl) }
  }

  /** Ends all attempts to open a socket. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#opening) end(connection)
  }

  /** Whether a broker responds without TLS. */
  async #isPlain({ host, port }: BrokerAddress): Promise<boolean> {
    const { socketFactory } = this.#config
    const onConnect = () => {}
    const socket = socketFactory?.({ host, port, ssl: false as never, onConnect }) ?? connect(port, host)
    const probe = { socket }
    this.#opening.add(probe)
    if (this.#isClosed) end(probe)
    return isKafka(socket, PROBE_MS).finally(() => this.#opening.delete(probe))
  }

  async #connection(address: BrokerAddress): Promise<InternalConnection> {
    const built = await this.#build({ ...address })
    requireLists('connection pool', built, ['pool'])
    const connection = built.pool[0] as InternalConnection
    requireFunctions('connection', connection, [
      'setVersions',
      'setSupportAuthenticationProtocol',
      'connect',
      'authenticate',
      'send',
    ])
    requireFunctions('connection.requestQueue', connection.requestQueue, ['destroy'])
    connection.setVersions(SASL_VERSIONS)
    connection.setSupportAuthenticationProtocol(true)
    return connection
  }
}

type Opening = Pick<InternalConnection, 'socket'>

const end = ({ socket }: Opening): void => void socket?.destroy(new Error('the client was closed'))

/**
 * Opens a SASL session, if the options say so. kafkajs throws the same error, without a cause, for credentials that the
 * broker has rejected and for a connection that was lost: the error of the request distinguishes them.
 */
async function authenticate(connection: InternalConnection): Promise<void> {
  const send = connection.send.bind(connection)
  let failure: { readonly error: unknown } | undefined
  connection.send = async (request) => {
    failure = undefined
    try {
      return await send(request)
    } catch (error) {
      failure = { error }
      throw error
    }
  }
  await connection.authenticate().catch((error: unknown) => {
    throw failure === undefined ? error : failure.error
  })
}

/** Takes the socket from a connection of kafkajs. */
function released(connection: InternalConnection, address: string): AuthenticatedSocket {
  const { clientId, sessionLifetime, requestQueue } = connection
  const socket = connection.socket as Socket
  requestQueue.destroy() // cancels its timers
  for (const event of ['data', 'end', 'error', 'timeout']) socket.removeAllListeners(event)
  socket.setTimeout(0)
  const lifetimeMs = sessionLifetime.toNumber()
  return { socket, address, clientId, sessionLifetimeMs: lifetimeMs === 0 ? Number.POSITIVE_INFINITY : lifetimeMs }
}

/** Gets the cluster object behind a client: kafkajs passes it to partition assigners. */
function internalCluster(kafka: kafkajs.Kafka): InternalCluster {
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
  requireFunctions('consumer', { partitionAssigner: found === undefined ? undefined : () => {} }, ['partitionAssigner'])
  return found as InternalCluster
}
