import { setMaxListeners } from 'node:events'
import { JoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import { isTlsAlert, LISTENER_MAY_REQUIRE_SASL, listenerUsesTls } from '../kafkajs/listener-mismatch.js'
import type { AuthenticatedSocket } from '../kafkajs/socket-opener.js'
import { type Api, type ApiCodec, encode, type RequestOf, type ResponseOf } from '../protocol/api.js'
import { API_VERSIONS, apiVersionsCodec, CLIENT_SOFTWARE } from '../protocol/api-versions.js'
import { requestHeader } from '../protocol/codec/request-header.js'
import { ResponseFrames } from '../protocol/codec/response-frames.js'
import { ResponseReader } from '../protocol/codec/response-reader.js'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { BrokerVersions, type VersionLimits } from './broker-versions.js'
import type { ConnectionOptions } from './connection-options.js'
import { PendingRequests } from './pending-requests.js'
import { sleep } from './retry.js'

/** Options of a request. */
export interface RequestOptions extends VersionLimits {
  /** How long the broker may hold the response back, in milliseconds; default 0. */
  readonly maxWaitMs?: number
  /** How long the broker may take to respond, if that is less than the request timeout, in milliseconds. */
  readonly timeoutMs?: number
}

/** How long before the end of its SASL session a connection stops taking new requests: so long, or this part of it. */
const SESSION_MARGIN_MS = 10_000
const SESSION_MARGIN = 0.2
/** The version of ApiVersions that is tried first. A broker that does not know it has version 0. */
const FIRST_API_VERSIONS = 3

/**
 * A connection to a broker over a socket that kafkajs has opened and authenticated, with Joinery's own framing,
 * correlation ids and timeouts. Any fault ends the connection as a whole, and fails all of its requests.
 */
export class BrokerConnection {
  readonly #socket: AuthenticatedSocket['socket']
  readonly #address: string
  readonly #clientId: Buffer
  readonly #options: ConnectionOptions
  /** In monotonic milliseconds. */
  readonly #expiresAt: number
  readonly #pending: PendingRequests
  readonly #frames = new ResponseFrames((response) => this.#respond(response))
  #hasReceived = false
  /** Whether there is no SASL session, and the broker has responded to ApiVersions only: that needs none. */
  #mayNeedSasl = false
  #correlationId = 0
  #error: JoineryError | undefined
  readonly #abandoned = new AbortController()
  /** Until when the broker reads nothing from the connection, in monotonic milliseconds. */
  throttledUntil: number
  /** Requests that wait until the broker reads again. */
  #unsent = 0
  #isRetired = false
  #versions: BrokerVersions

  /**
   * Takes a socket, and requests the versions of the broker.
   *
   * @throws JoineryError `CLIENT_UNSUPPORTED` if the broker does not support a required API
   */
  static async open(socket: AuthenticatedSocket, options: ConnectionOptions): Promise<BrokerConnection> {
    const connection = new BrokerConnection(socket, options)
    try {
      await connection.#negotiate()
      connection.#mayNeedSasl = socket.usesSasl === false
      connection.#versions.require(options.required)
      return connection
    } catch (error) {
      connection.close('its versions are unknown')
      throw error
    }
  }

  private constructor(
    { socket, address, clientId, sessionLifetimeMs }: AuthenticatedSocket,
    options: ConnectionOptions,
  ) {
    this.#socket = socket
    this.#address = address
    this.#versions = new BrokerVersions(address, [])
    this.#clientId = Buffer.from(clientId)
    this.#options = options
    this.throttledUntil = options.throttledUntil
    setMaxListeners(0, this.#abandoned.signal) // each request that waits for the end of a throttle time adds a listener
    const { clock, timeoutMs, listener, signal } = options
    const marginMs = Math.min(SESSION_MARGIN_MS, sessionLifetimeMs * SESSION_MARGIN)
    this.#expiresAt = clock.monotonic() + sessionLifetimeMs - marginMs
    this.#pending = new PendingRequests(clock, timeoutMs, {
      overdue: ({ api, sentAt }, waitedSince) => listener.overdue(api.name, waitedSince, sentAt),
      timedOut: ({ api }, afterMs) => this.#fail(`${api.name} request timed out after ${afterMs} ms`),
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error.message, error))
    for (const event of ['end', 'close']) socket.on(event, () => this.#closed())
    signal.addEventListener('abort', this.#onClosed)
    if (signal.aborted) this.#onClosed()
  }

  /** Whether it takes new requests. */
  get isUsable(): boolean {
    return this.#error === undefined && !this.#isRetired && this.#now() < this.#expiresAt
  }

  /** The versions that the broker supports. */
  get versions(): BrokerVersions {
    return this.#versions
  }

  /**
   * Sends a request, in the highest version that the broker and this client know.
   *
   * @throws JoineryError `CLIENT_UNSUPPORTED` if there is none; `LOG_FAILED`, retriable, if the connection ends first
   */
  async send<A extends Api>(api: A, request: RequestOf<A>, options: RequestOptions = {}): Promise<ResponseOf<A>> {
    const codec = this.#versions.codec(api, options)
    if (this.throttledUntil > this.#now()) await this.#unthrottled()
    return this.#exchange(api, codec, request, options)
  }

  /** Closes the connection once no response is awaited. */
  retire(): void {
    this.#isRetired = true
    this.#closeIfRetired()
  }

  /** Fails all requests, including those that wait for the end of a throttle time: they may go to another broker. */
  close(reason: string): void {
    this.#abandoned.abort()
    this.#fail(reason)
  }

  async #unthrottled(): Promise<void> {
    this.#unsent++
    for (;;) {
      const ms = this.throttledUntil - this.#now()
      if (ms <= 0 || this.#abandoned.signal.aborted) break
      await sleep(this.#options.clock, ms, this.#abandoned.signal)
    }
    this.#unsent--
  }

  #now(): number {
    return this.#options.clock.monotonic()
  }

  async #negotiate(): Promise<void> {
    const request = (version: number) => this.#exchange(API_VERSIONS, apiVersionsCodec(version), CLIENT_SOFTWARE)
    let response = await request(FIRST_API_VERSIONS)
    if (response.errorCode === CODE.UNSUPPORTED_VERSION) response = await request(0)
    const { errorCode, apiKeys } = response
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${API_VERSIONS.name} of broker ${this.#address}`)
    this.#versions = new BrokerVersions(this.#address, apiKeys)
  }

  #exchange<A extends Api>(
    api: A,
    codec: ApiCodec<A>,
    request: RequestOf<A>,
    { maxWaitMs = 0, timeoutMs }: RequestOptions = {},
  ): Promise<ResponseOf<A>> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      const parts = encode(codec.request, request)
      this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
      this.#pending.add(this.#correlationId, { resolve, reject, api, codec, maxWaitMs, timeoutMs, sentAt: this.#now() })
      const { version } = codec
      const header = { apiKey: api.key, version, correlationId: this.#correlationId, clientId: this.#clientId }
      this.#socket.cork()
      this.#socket.write(requestHeader(header, parts))
      for (const part of parts) this.#socket.write(part)
      this.#socket.uncork()
      failpoint('request.sent', api.key)
    })
  }

  #receive(chunk: Buffer): void {
    if (!this.#hasReceived && isTlsAlert(chunk)) {
      this.#end(listenerUsesTls(this.#address))
      return
    }
    this.#hasReceived = true
    try {
      this.#frames.add(chunk)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  #respond(body: Buffer): void {
    const id = body.readInt32BE(0)
    const pending = this.#pending.take(id)
    if (pending === undefined) {
      this.#fail(`response with unknown correlation id ${id}`)
      return
    }
    this.#mayNeedSasl = false
    const { api, codec, resolve, reject } = pending
    const { version, response } = codec
    const description = `${api.name} response (version ${version.number}) from broker ${this.#address}`
    const reader = new ResponseReader(body, 4, description)
    try {
      // the header of an ApiVersions response has no tags in any version
      if (version.isFlexible && api.key !== API_VERSIONS.key) reader.tags()
      const decoded = response.read(reader)
      this.#observe(decoded, this.#pending.waitedSince(pending))
      resolve(decoded as never)
    } catch (error) {
      reject(error as Error)
    }
    this.#closeIfRetired()
  }

  #observe({ throttleTimeMs }: { readonly throttleTimeMs?: unknown }, waitedSince: number): void {
    const { listener } = this.#options
    listener.responded(waitedSince)
    if (typeof throttleTimeMs !== 'number' || throttleTimeMs <= 0) return
    // brokers read nothing from the connection until then (KIP-219); a later response may have a shorter throttle time
    this.throttledUntil = Math.max(this.throttledUntil, this.#now() + throttleTimeMs)
    this.#pending.throttle(this.throttledUntil)
    listener.throttled(throttleTimeMs)
  }

  #closeIfRetired(): void {
    if (this.#isRetired && this.#pending.size + this.#unsent === 0) this.#fail('it was replaced')
  }

  readonly #onClosed = (): void => this.close('the log was closed')

  #closed(): void {
    const hint = this.#mayNeedSasl && this.#pending.size > 0 ? ` without a response; ${LISTENER_MAY_REQUIRE_SASL}` : ''
    this.#fail(`the broker closed it${hint}`)
  }

  #fail(reason: string, cause?: Error): void {
    const lost = `connection to broker ${this.#address} lost: ${reason}`
    this.#end(new JoineryError('LOG_FAILED', lost, { ...(cause !== undefined && { cause }), retriable: true }))
  }

  #end(error: JoineryError): void {
    if (this.#error !== undefined) return
    this.#options.signal.removeEventListener('abort', this.#onClosed)
    this.#error = error
    this.#socket.destroy()
    this.#pending.reject(error)
    this.#options.listener.ended()
  }
}
