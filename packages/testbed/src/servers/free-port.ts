import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ephemeral ports, so that no outgoing connection takes the port while its broker restarts. */
const FIRST = 12_000
const LAST = 32_000
const TRIES = 100

/** @returns a port of this machine on which no process listens */
export async function freePort(): Promise<number> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const port = randomInt(FIRST, LAST)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${TRIES} ports between ${FIRST} and ${LAST} is free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
