import { type Clock, JoineryError, type Timer } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { AuthenticatedSocket } from '../kafkajs/open-socket.js'
import { type Api, type ApiCodec, encode, type RequestOf, type ResponseOf } from '../protocol/api.js'
import { API_VERSIONS, apiVersionsCodec, CLIENT_SOFTWARE } from '../protocol/api-versions.js'
import { ResponseReader } from '../protocol/codec/response-reader.js'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { BrokerVersions, type VersionLimits } from './broker-versions.js'
import { ResponseFrames } from './response-frames.js'

/** Options of a request. */
export interface RequestOptions extends VersionLimits {
  /** How long the broker may hold the response back, in milliseconds; default 0. */
  readonly maxWaitMs?: number
}

/** A request that awaits its response. */
interface Pending {
  readonly resolve: (response: never) => void
  readonly reject: (error: Error) => void
  readonly api: Api
  readonly codec: ApiCodec<Api>
  readonly timeoutMs: number
  /** When it times out, in monotonic milliseconds. */
  readonly deadline: number
}

const CHECK_MS = 250
/** How long before the end of its SASL session a connection stops taking new requests. */
const SESSION_MARGIN_MS = 10_000
const HEADER_BYTES = 14
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
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In monotonic milliseconds. */
  readonly #expiresAt: number
  readonly #pending = new Map<number, Pending>()
  readonly #frames = new ResponseFrames((response) => this.#respond(response))
  #correlationId = 0
  #error: JoineryError | undefined
  #timer: Timer | undefined
  #versions: BrokerVersions

  /**
   * Takes a socket, and requests the versions of the broker.
   *
   * @param timeoutMs how long a broker may take to respond before the connection is closed
   * @param required APIs that every broker must support
   * @throws JoineryError `CLIENT_UNSUPPORTED` if the broker does not support one of them
   */
  static async open(
    socket: AuthenticatedSocket,
    clock: Clock,
    timeoutMs: number,
    required: readonly Api[],
  ): Promise<BrokerConnection> {
    const connection = new BrokerConnection(socket, clock, timeoutMs)
    try {
      await connection.#negotiate()
      connection.#versions.require(required)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(
    { socket, address, clientId, sessionLifetimeMs }: AuthenticatedSocket,
    clock: Clock,
    timeoutMs: number,
  ) {
    this.#socket = socket
    this.#address = address
    this.#versions = new BrokerVersions(address, [])
    this.#clientId = Buffer.from(clientId)
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#expiresAt = clock.monotonic() + sessionLifetimeMs - SESSION_MARGIN_MS
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error.message, error))
    for (const event of ['end', 'close']) socket.on(event, () => this.#fail('the broker closed it'))
  }

  /** Whether it takes new requests. */
  get isUsable(): boolean {
    return this.#error === undefined && this.#clock.monotonic() < this.#expiresAt
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
    return this.#exchange(api, this.#versions.codec(api, options), request, options.maxWaitMs ?? 0)
  }

  close(): void {
    this.#fail('the log was closed')
  }

  async #negotiate(): Promise<void> {
    const ask = (version: number) => this.#exchange(API_VERSIONS, apiVersionsCodec(version), CLIENT_SOFTWARE, 0)
    let response = await ask(FIRST_API_VERSIONS)
    if (response.errorCode === CODE.UNSUPPORTED_VERSION) response = await ask(0)
    const { errorCode, apiKeys } = response
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${API_VERSIONS.name} of broker ${this.#address}`)
    this.#versions = new BrokerVersions(this.#address, apiKeys)
  }

  #exchange<A extends Api>(
    api: A,
    codec: ApiCodec<A>,
    request: RequestOf<A>,
    maxWaitMs: number,
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error)
        return
      }
      const parts = encode(codec.request, request)
      this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
      const timeoutMs = this.#timeoutMs + maxWaitMs
      const deadline = this.#clock.monotonic() + timeoutMs
      this.#pending.set(this.#correlationId, { resolve, reject, api, codec, timeoutMs, deadline })
      this.#timer ??= this.#clock.setTimeout(this.#checkDeadlines, CHECK_MS)
      this.#socket.cork()
      this.#socket.write(this.#header(api, codec, parts))
      for (const part of parts) this.#socket.write(part)
      this.#socket.uncork()
      failpoint('request.sent', api.key)
    })
  }

  /** The length of the request, and its header. */
  #header(api: Api, { version }: ApiCodec<Api>, parts: readonly Uint8Array[]): Buffer {
    const header = Buffer.alloc(HEADER_BYTES + this.#clientId.length + (version.isFlexible ? 1 : 0))
    let length = header.length - 4
    for (const part of parts) length += part.length
    header.writeInt32BE(length, 0)
    header.writeInt16BE(api.key, 4)
    header.writeInt16BE(version.number, 6)
    header.writeInt32BE(this.#correlationId, 8)
    header.writeInt16BE(this.#clientId.length, 12)
    this.#clientId.copy(header, HEADER_BYTES)
    return header
  }

  #receive(chunk: Buffer): void {
    try {
      this.#frames.add(chunk)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  #respond(body: Buffer): void {
    const id = body.readInt32BE(0)
    const pending = this.#pending.get(id)
    if (pending === undefined) {
      this.#fail(`response with unknown correlation id ${id}`)
      return
    }
    this.#pending.delete(id)
    const { api, codec, resolve, reject } = pending
    const { version, response } = codec
    const description = `${api.name} response (version ${version.number}) from broker ${this.#address}`
    const reader = new ResponseReader(body, 4, description)
    try {
      // the header of an ApiVersions response has no tags in any version
      if (version.isFlexible && api.key !== API_VERSIONS.key) reader.tags()
      resolve(response.read(reader) as never)
    } catch (error) {
      reject(error as Error)
    }
  }

  readonly #checkDeadlines = (): void => {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const { deadline, api, timeoutMs } of this.#pending.values()) {
      if (now > deadline) {
        this.#fail(`${api.name} request timed out after ${timeoutMs} ms`)
        return
      }
    }
    if (this.#pending.size > 0) this.#timer = this.#clock.setTimeout(this.#checkDeadlines, CHECK_MS)
  }

  #fail(reason: string, cause?: Error): void {
    if (this.#error !== undefined) return
    this.#error = new JoineryError('LOG_FAILED', `connection to broker ${this.#address} lost: ${reason}`, {
      ...(cause !== undefined && { cause }),
      retriable: true,
    })
    this.#timer?.cancel()
    this.#socket.destroy()
    for (const { reject } of this.#pending.values()) reject(this.#error)
    this.#pending.clear()
  }
}
