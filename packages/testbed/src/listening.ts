import { connect } from 'node:net'

const POLL_MS = 100
const START_MS = 90_000

/** Waits until somebody listens on a port of this machine. `failed` answers what went wrong once it cannot happen any more. */
export async function listening(port: number, failed: () => Promise<string | undefined>): Promise<void> {
  const until = performance.now() + START_MS
  while (!(await accepts(port))) {
    const reason = await failed()
    if (reason !== undefined) throw new Error(`Kafka did not start:\n${reason}`)
    if (performance.now() > until) throw new Error(`Kafka did not listen on port ${port} within ${START_MS / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
