import { type Clock, JoineryError, type Timer } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { AuthenticatedSocket } from '../kafkajs/open-socket.js'
import { type ApiRequest, isFlexible } from '../protocol/api.js'
import { API_VERSIONS } from '../protocol/api-versions.js'
import { ResponseReader } from '../protocol/response-reader.js'

/** A request that awaits its response. */
interface Pending {
  readonly resolve: (reader: ResponseReader) => void
  readonly reject: (error: Error) => void
  readonly request: ApiRequest
  readonly timeoutMs: number
  /** When it times out, in monotonic milliseconds. */
  readonly deadline: number
}

const CHECK_MS = 250
const MAX_RESPONSE_BYTES = 512 * 2 ** 20
/** How long before the end of its SASL session a connection stops taking new requests. */
const SESSION_MARGIN_MS = 10_000
const HEADER_BYTES = 14

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
  readonly #length = Buffer.alloc(4)
  #lengthBytes = 0
  #body: Buffer | undefined
  #bodyBytes = 0
  #correlationId = 0
  #error: JoineryError | undefined
  #timer: Timer | undefined

  /** @param timeoutMs how long a broker may take to respond before the connection is closed */
  constructor({ socket, address, clientId, sessionLifetimeMs }: AuthenticatedSocket, clock: Clock, timeoutMs: number) {
    this.#socket = socket
    this.#address = address
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

  /**
   * Sends a request.
   *
   * @returns the response, after its header
   * @throws JoineryError `LOG_FAILED`, retriable, if the connection ends first
   */
  send(request: ApiRequest): Promise<ResponseReader> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error)
        return
      }
      const { api, parts, maxWaitMs = 0 } = request
      this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
      const timeoutMs = this.#timeoutMs + maxWaitMs
      const deadline = this.#clock.monotonic() + timeoutMs
      this.#pending.set(this.#correlationId, { resolve, reject, request, timeoutMs, deadline })
      this.#timer ??= this.#clock.setTimeout(this.#checkDeadlines, CHECK_MS)
      this.#socket.cork()
      this.#socket.write(this.#header(request))
      for (const part of parts) this.#socket.write(part)
      this.#socket.uncork()
      failpoint('request.sent', api.key)
    })
  }

  close(): void {
    this.#fail('the log was closed')
  }

  /** The length of the request, and its header. */
  #header({ api, version, parts }: ApiRequest): Buffer {
    const header = Buffer.alloc(HEADER_BYTES + this.#clientId.length + (isFlexible(api, version) ? 1 : 0))
    let length = header.length - 4
    for (const part of parts) length += part.length
    header.writeInt32BE(length, 0)
    header.writeInt16BE(api.key, 4)
    header.writeInt16BE(version, 6)
    header.writeInt32BE(this.#correlationId, 8)
    header.writeInt16BE(this.#clientId.length, 12)
    this.#clientId.copy(header, HEADER_BYTES)
    return header
  }

  #receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#body === undefined) {
        while (this.#lengthBytes < 4 && at < chunk.length) this.#length[this.#lengthBytes++] = chunk[at++] as number
        if (this.#lengthBytes < 4) return
        const size = this.#length.readInt32BE(0)
        if (size < 4 || size > MAX_RESPONSE_BYTES) {
          this.#fail(`invalid response size: ${size} bytes`)
          return
        }
        this.#body = Buffer.allocUnsafeSlow(size)
        this.#bodyBytes = 0
      }
      const count = Math.min(this.#body.length - this.#bodyBytes, chunk.length - at)
      chunk.copy(this.#body, this.#bodyBytes, at, at + count)
      this.#bodyBytes += count
      at += count
      if (this.#bodyBytes === this.#body.length) {
        const body = this.#body
        this.#body = undefined
        this.#lengthBytes = 0
        this.#respond(body)
      }
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
    const { request, resolve, reject } = pending
    const { api, version } = request
    const reader = new ResponseReader(body, 4, `${api.name} response (version ${version}) from broker ${this.#address}`)
    try {
      // the header of an ApiVersions response has no tags in any version
      if (isFlexible(api, version) && api.key !== API_VERSIONS.key) reader.tags()
      resolve(reader)
    } catch (error) {
      reject(error as Error)
    }
  }

  readonly #checkDeadlines = (): void => {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const { deadline, request, timeoutMs } of this.#pending.values()) {
      if (now > deadline) {
        this.#fail(`${request.api.name} request timed out after ${timeoutMs} ms`)
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
