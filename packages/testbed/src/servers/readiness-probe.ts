import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const POLL_MS = 100
const RESPONSE_MS = 2_000
const START_MS = 90_000

/** A server that is expected to start, and a request that shows whether it is ready. */
export interface ReadinessProbe {
  /** Its name in messages. */
  readonly server: string
  readonly port: number
  readonly isTls: boolean
  /** A request that needs no authentication. */
  readonly request: Uint8Array
  /** Whether a response means that it is ready. */
  readonly isReady: (response: Buffer) => boolean
}

/**
 * Waits until a server on a port of this machine responds. An open port is not enough: Docker opens it before the server listens.
 *
 * @param failureOf returns why the server has failed, if it has
 */
export async function waitUntilReady(
  probe: ReadinessProbe,
  failureOf: () => Promise<string | undefined>,
): Promise<void> {
  const { server, port } = probe
  const until = performance.now() + START_MS
  while (!(await respondsReady(probe))) {
    const reason = await failureOf()
    if (reason !== undefined) throw new Error(`${server} did not start:\n${reason}`)
    if (performance.now() > until)
      throw new Error(`${server} did not respond on port ${port} within ${START_MS / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function respondsReady({ port, isTls, request, isReady }: ReadinessProbe): Promise<boolean> {
  return new Promise((resolve) => {
    const send = () => socket.write(request)
    const socket: Socket = isTls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, send) // its certificate does not matter yet
      : connect(port, '127.0.0.1', send)
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(RESPONSE_MS, () => end(false))
    socket.once('data', (response: Buffer) => end(isReady(response)))
    for (const event of ['error', 'close']) socket.once(event, () => end(false))
  })
}
