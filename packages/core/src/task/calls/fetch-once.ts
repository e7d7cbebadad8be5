import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { notSent } from '../../call/not-sent.js'
import type { Clock, Timer } from '../../clock.js'
import { JoineryError } from '../../errors.js'
import { connectSocket } from './connect-socket.js'

/** Options of {@link fetchOnce}. */
export interface FetchOnceOptions {
  readonly idempotencyKey: string
  /** Aborts at the call's timeout: nothing is sent afterwards. */
  readonly signal: AbortSignal
  /**
   * Aborts when the application closes: a request that has not been sent is not sent; one that has been sent continues.
   */
  readonly closing: AbortSignal
  readonly clock: Clock
  readonly connectMs: number
  readonly headersMs: number
  readonly bodyMs: number
  /** Called just before the request is sent. */
  readonly sending?: () => void
}

const KEY_HEADER = 'idempotency-key'
const MAX_BODY = 64 * 2 ** 20
const WITHOUT_BODY: readonly number[] = [204, 205, 304]

/**
 * `fetch` for exactly one request on a new connection. Nothing is retried, redirects are not followed (the redirect is
 * the response), and the response is returned once it is complete. Every failure before the connection is open is
 * `notSent`; no failure after the first byte of the request is.
 */
export function fetchOnce(options: FetchOnceOptions): typeof fetch {
  let isUsed = false
  return async (input, init) => {
    if (isUsed)
      throw new JoineryError(
        'CALL_REPEATED',
        'call.fetch was used twice in one call: each call makes one request; make a second one in another pipeline',
      )
    isUsed = true
    if (init?.redirect === 'follow')
      throw new TypeError('call.fetch does not follow redirects: that would be a second request')
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new TypeError(`call.fetch supports http and https, not ${url.protocol}`)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const { clock, signal, closing, connectMs } = options
    const signals = [signal, request.signal]
    let socket: Socket
    try {
      socket = await connectSocket(url, { clock, timeoutMs: connectMs, signals: [...signals, closing] })
    } catch (cause) {
      throw notSent(cause)
    }
    const stop = [...signals, closing].find(({ aborted }) => aborted)
    if (stop !== undefined) {
      socket.destroy()
      throw notSent(stop.reason)
    }
    options.sending?.()
    const response = await exchange({ socket, url, request, body, signals }, options)
    if (request.redirect === 'error' && isRedirect(response.status))
      throw new TypeError(`${url.host} responded with a redirect, ${response.status}`)
    return response
  }
}

interface Exchange {
  readonly socket: Socket
  readonly url: URL
  readonly request: Request
  readonly body: Buffer | undefined
  readonly signals: readonly AbortSignal[]
}

/** Sends the request and reads the whole response. */
function exchange(
  { socket, url, request: { method, headers }, body, signals }: Exchange,
  { idempotencyKey, clock, headersMs, bodyMs }: FetchOnceOptions,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let timer: Timer = { cancel: () => {} }
    const aborted = (): void => fail(signals.find((signal) => signal.aborted)?.reason)
    const within = (ms: number, what: string): void => {
      timer.cancel()
      timer = clock.setTimeout(() => fail(new Error(`${url.host} did not send ${what} within ${ms} ms`)), ms)
    }
    const done = (): void => {
      timer.cancel()
      for (const signal of signals) signal.removeEventListener('abort', aborted)
      socket.destroy()
    }
    const fail = (cause: unknown): void => {
      done()
      reject(cause)
    }
    const own = { host: url.host, connection: 'close', accept: '*/*', 'accept-encoding': 'identity' }
    const outgoing = httpRequest({
      createConnection: () => socket,
      method,
      path: `${url.pathname}${url.search}`,
      headers: {
        ...own,
        'user-agent': 'joinery',
        [KEY_HEADER]: idempotencyKey,
        ...Object.fromEntries(headers),
        ...(body !== undefined && { 'content-length': String(body.length) }),
      },
    })
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      within(bodyMs, 'the rest of its response')
      readAll(incoming).then((bytes) => {
        done()
        resolve(toResponse(incoming, bytes))
      }, fail)
    })
    for (const signal of signals) signal.addEventListener('abort', aborted)
    within(headersMs, 'a response')
    outgoing.end(body)
  })
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw new Error(`the response is larger than ${MAX_BODY} bytes`)
    chunks.push(chunk)
  }
  if (!incoming.complete) throw new Error('the connection broke in the middle of the response')
  return Buffer.concat(chunks)
}

function toResponse({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage, body: Buffer): Response {
  const headers = new Headers()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string)
  return new Response(WITHOUT_BODY.includes(statusCode) ? null : new Uint8Array(body), {
    status: statusCode,
    statusText: statusMessage,
    headers,
  })
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304
