import { JoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { InternalBroker, InternalCluster, InternalConnection } from '../kafkajs/internals.js'
import { requireFunctions } from '../kafkajs/require-functions.js'
import { type ApiRequest, isFlexible } from '../protocol/api.js'
import { API_VERSIONS } from '../protocol/api-versions.js'
import { ResponseReader } from '../protocol/response-reader.js'

interface Pending {
  readonly resolve: (reader: ResponseReader) => void
  readonly reject: (error: Error) => void
  readonly until: number
  readonly hasTags: boolean
}

const CHECK_MS = 250
const MAX_RESPONSE = 512 * 2 ** 20
/** A SASL session is given up this long before it expires. */
const SESSION_MARGIN_MS = 10_000

/**
 * A socket that kafkajs opens and authenticates (TLS, SASL), and that is ours from then on: own framing, correlation
 * ids and time-outs. What goes wrong on it ends it as a whole.
 */
export class Link {
  readonly #connection: InternalConnection
  readonly #pending = new Map<number, Pending>()
  readonly #head = Buffer.alloc(4)
  #headLength = 0
  #body: Buffer | undefined
  #bodyLength = 0
  #correlation = 0
  #error: Error | undefined
  readonly #timer: NodeJS.Timeout
  readonly #expiresAt: number
  readonly #timeoutMs: number

  /** @param timeoutMs when no answer came by then, the whole connection is given up */
  static async open(cluster: InternalCluster, broker: InternalBroker, timeoutMs: number): Promise<Link> {
    const { host, port, rack } = broker.connectionPool
    const pool = await cluster.connectionPoolBuilder.build({ host, port, rack })
    const connection = pool.pool[0] as InternalConnection
    requireFunctions('connection', connection, [
      'setVersions',
      'setSupportAuthenticationProtocol',
      'getSupportAuthenticationProtocol',
      'connect',
      'authenticate',
    ])
    requireFunctions('connection.requestQueue', connection.requestQueue, ['destroy'])
    connection.setVersions(broker.versions)
    connection.setSupportAuthenticationProtocol(
      (broker.connectionPool.pool[0] as InternalConnection).getSupportAuthenticationProtocol(),
    )
    await connection.connect()
    try {
      await connection.authenticate()
    } catch (error) {
      connection.socket.destroy(error as Error) // kafkajs hears of errors, and ends its timers
      throw error
    }
    return new Link(connection, timeoutMs)
  }

  private constructor(connection: InternalConnection, timeoutMs: number) {
    this.#connection = connection
    this.#timeoutMs = timeoutMs
    connection.requestQueue.destroy() // its timers
    const { socket } = connection
    socket.setNoDelay(true)
    for (const event of ['data', 'end', 'error', 'timeout']) socket.removeAllListeners(event)
    socket.setTimeout(0)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error))
    for (const event of ['end', 'close'])
      socket.on(event, () => this.#fail(new Error('the broker closed the connection')))
    this.#timer = setInterval(() => this.#check(), CHECK_MS)
    this.#timer.unref()
    const lifetime = connection.sessionLifetime.toNumber()
    this.#expiresAt = lifetime === 0 ? Number.POSITIVE_INFINITY : performance.now() + lifetime - SESSION_MARGIN_MS
  }

  /** Whether new requests may be sent on it. */
  get isUsable(): boolean {
    return this.#error === undefined && performance.now() < this.#expiresAt
  }

  /** Sends a request; the answer's header is already passed. */
  send({ api, version, parts, maxWaitMs = 0 }: ApiRequest): Promise<ResponseReader> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error)
        return
      }
      this.#correlation = (this.#correlation + 1) & 0x7fffffff
      const id = this.#correlation
      const hasTags = isFlexible(api, version)
      const client = Buffer.from(this.#connection.clientId)
      const head = Buffer.alloc(14 + client.length + (hasTags ? 1 : 0))
      let length = head.length - 4
      for (const part of parts) length += part.length
      head.writeInt32BE(length, 0)
      head.writeInt16BE(api.key, 4)
      head.writeInt16BE(version, 6)
      head.writeInt32BE(id, 8)
      head.writeInt16BE(client.length, 12)
      client.copy(head, 14)
      // the header of ApiVersions' response has no tags in any version
      this.#pending.set(id, {
        resolve,
        reject,
        until: performance.now() + this.#timeoutMs + maxWaitMs,
        hasTags: hasTags && api.key !== API_VERSIONS.key,
      })
      const { socket } = this.#connection
      socket.cork()
      socket.write(head)
      for (const part of parts) socket.write(part)
      socket.uncork()
      failpoint('request.sent', api.key)
    })
  }

  close(): void {
    this.#fail(new Error('the connection was closed'))
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#body === undefined) {
        while (this.#headLength < 4 && at < chunk.length) this.#head[this.#headLength++] = chunk[at++] as number
        if (this.#headLength < 4) return
        const size = this.#head.readInt32BE(0)
        if (size < 4 || size > MAX_RESPONSE) {
          this.#fail(new Error(`an answer says it has ${size} bytes`))
          return
        }
        this.#body = Buffer.allocUnsafeSlow(size)
        this.#bodyLength = 0
      }
      const count = Math.min(this.#body.length - this.#bodyLength, chunk.length - at)
      chunk.copy(this.#body, this.#bodyLength, at, at + count)
      this.#bodyLength += count
      at += count
      if (this.#bodyLength === this.#body.length) {
        const body = this.#body
        this.#body = undefined
        this.#headLength = 0
        this.#answer(body)
      }
    }
  }

  #answer(body: Buffer): void {
    const id = body.readInt32BE(0)
    const pending = this.#pending.get(id)
    if (pending === undefined) {
      this.#fail(new Error('an answer came that nobody asked for'))
      return
    }
    this.#pending.delete(id)
    const reader = new ResponseReader(body, 4)
    try {
      if (pending.hasTags) reader.tags()
      pending.resolve(reader)
    } catch (error) {
      pending.reject(error as Error)
    }
  }

  #check(): void {
    const now = performance.now()
    for (const { until } of this.#pending.values()) {
      if (now > until) {
        this.#fail(new Error('a request was not answered in time'))
        return
      }
    }
  }

  #fail(cause: Error): void {
    if (this.#error !== undefined) return
    this.#error = new JoineryError('LOG_FAILED', `a connection to a broker ended: ${cause.message}`, {
      cause,
      retriable: true,
    })
    clearInterval(this.#timer)
    this.#connection.socket.destroy()
    for (const { reject } of this.#pending.values()) reject(this.#error)
    this.#pending.clear()
  }
}
