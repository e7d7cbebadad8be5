import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const POLL_MS = 100
const ANSWER_MS = 2_000
const START_MS = 90_000

/** A server that should be there, and how to find out. */
export interface Question {
  /** What it is, for messages. */
  readonly server: string
  readonly port: number
  readonly isTls: boolean
  /** What anybody may ask, before having authenticated. */
  readonly ask: Uint8Array
  /** Whether what it says means that it is ready. */
  readonly isReady: (answer: Buffer) => boolean
}

/**
 * Waits until a server answers on a port of this machine. That the port is open says little: Docker opens it before
 * anybody is behind it. `failed` answers what went wrong once it cannot happen any more.
 */
export async function answering(question: Question, failed: () => Promise<string | undefined>): Promise<void> {
  const { server, port } = question
  const until = performance.now() + START_MS
  while (!(await answers(question))) {
    const reason = await failed()
    if (reason !== undefined) throw new Error(`${server} did not start:\n${reason}`)
    if (performance.now() > until)
      throw new Error(`${server} did not answer on port ${port} within ${START_MS / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function answers({ port, isTls, ask, isReady }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const asks = () => socket.write(ask)
    const socket: Socket = isTls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, asks) // who it is does not matter yet
      : connect(port, '127.0.0.1', asks)
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(ANSWER_MS, () => end(false))
    socket.once('data', (answer: Buffer) => end(isReady(answer)))
    for (const event of ['error', 'close']) socket.once(event, () => end(false))
  })
}
