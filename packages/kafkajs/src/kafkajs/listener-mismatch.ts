import type { Socket } from 'node:net'
import { JoineryError } from '@joinery/core'

/** ApiVersions, version 0: its length, key 18, the version, correlation id 1, no client id. */
const API_VERSIONS = Buffer.from('0000000a0012000000000001ffff', 'hex')
const CORRELATION_ID = 1
const LENGTH_BYTES = 4
/** Errors of a TLS handshake with a peer that does not use TLS; it may also have been restarted. */
const NO_TLS = /^(ECONNRESET|EPROTO|ERR_SSL_.*)$/

/** Whether these are the first bytes of a TLS alert, which a listener with TLS sends to a client without. */
export const isTlsAlert = (first: Buffer): boolean => first[0] === 0x15 && first[1] === 0x03

/** Whether a TLS handshake may have failed because the listener does not use TLS. */
export const isHandshakeFailure = ({ code }: { readonly code?: unknown }): boolean =>
  typeof code === 'string' && NO_TLS.test(code)

export const listenerUsesTls = (broker: string): JoineryError =>
  new JoineryError(
    'OPTION_INVALID',
    `broker ${broker} uses TLS on this port, and the option ssl is missing: set ssl, or use the port of a listener without TLS`,
  )

/** What to try after a listener has responded to ApiVersions, and closed the connection at the next request. */
export const LISTENER_MAY_REQUIRE_SASL =
  'if this port requires SASL, set the option sasl, or use the port of a listener without SASL'

export const listenerIsPlain = (broker: string, cause: unknown): JoineryError =>
  new JoineryError(
    'OPTION_INVALID',
    `broker ${broker} does not use TLS on this port, and the option ssl is set: remove ssl, or use the port of a listener with TLS`,
    { cause },
  )

/** @returns whether the peer of a socket without TLS responds to a request of Kafka's protocol */
export function isKafka(socket: Socket, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0)
    const end = (found: boolean) => {
      socket.destroy()
      resolve(found)
    }
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 2 * LENGTH_BYTES) end(received.readInt32BE(LENGTH_BYTES) === CORRELATION_ID)
    })
    for (const event of ['error', 'end', 'close', 'timeout']) socket.on(event, () => end(false))
    socket.setTimeout(timeoutMs)
    socket.write(API_VERSIONS)
  })
}
