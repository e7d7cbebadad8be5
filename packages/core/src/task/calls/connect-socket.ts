import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../clock.js'

/** Options of {@link connectSocket}. */
export interface ConnectOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  /** The attempt ends when one of them aborts. */
  readonly signals: readonly AbortSignal[]
}

/**
 * Opens a new connection to the host of a URL, with TLS for https. No byte of a request is sent before this resolves.
 */
export function connectSocket(url: URL, { clock, timeoutMs, signals }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const isTls = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const port = Number(url.port) || (isTls ? 443 : 80)
    const socket = isTls
      ? connectTls({ host, port, servername: servernameOf(host), ALPNProtocols: ['http/1.1'] })
      : connectTcp({ host, port })
    const aborted = (): void => fail(signals.find((signal) => signal.aborted)?.reason)
    const timer = clock.setTimeout(
      () => fail(new Error(`${url.host} did not accept a connection within ${timeoutMs} ms`)),
      timeoutMs,
    )
    const done = (): void => {
      timer.cancel()
      for (const signal of signals) signal.removeEventListener('abort', aborted)
      socket.removeListener('error', fail)
      socket.removeListener('close', closed)
    }
    const fail = (cause: unknown): void => {
      done()
      socket.on('error', () => {}) // the failure is reported once: later errors are ignored
      socket.destroy()
      reject(cause)
    }
    const closed = (): void => fail(new Error(`${url.host} closed the connection before a request was sent`))
    socket.on('error', fail)
    socket.on('close', closed)
    socket.on(isTls ? 'secureConnect' : 'connect', () => {
      done()
      resolve(socket)
    })
    for (const signal of signals) signal.addEventListener('abort', aborted)
    if (signals.some((signal) => signal.aborted)) aborted()
  })
}

/** TLS does not accept IP addresses as server names. */
const servernameOf = (host: string): string => (/^[\d.]+$|:/.test(host) ? '' : host)
