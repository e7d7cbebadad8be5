import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const POLL_MS = 100
const ANSWER_MS = 2_000
const START_MS = 90_000
/** ApiVersions, version 0: length 10, key 18, version, correlation id 1, no client id. Allowed before anybody has authenticated. */
const QUESTION = Buffer.from('0000000a0012000000000001ffff', 'hex')

/**
 * Waits until a broker answers on a port of this machine. That the port is open says little: Docker opens it before
 * anybody is behind it. `failed` answers what went wrong once it cannot happen any more.
 */
export async function answering(
  port: number,
  security: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL',
  failed: () => Promise<string | undefined>,
): Promise<void> {
  const until = performance.now() + START_MS
  while (!(await answers(port, security.endsWith('SSL')))) {
    const reason = await failed()
    if (reason !== undefined) throw new Error(`Kafka did not start:\n${reason}`)
    if (performance.now() > until) throw new Error(`Kafka did not answer on port ${port} within ${START_MS / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function answers(port: number, isTls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = () => socket.write(QUESTION)
    const socket: Socket = isTls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, ask) // who it is does not matter yet
      : connect(port, '127.0.0.1', ask)
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(ANSWER_MS, () => end(false))
    socket.once('data', () => end(true))
    for (const event of ['error', 'close']) socket.once(event, () => end(false))
  })
}
