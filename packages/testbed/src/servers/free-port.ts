import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ephemeral ports, so that no outgoing connection takes the port while its broker restarts. */
const FIRST = 12_000
const LAST = 32_000
const TRIES = 100

/** @returns a port of this machine on which no process listens */
export const freePort = async (): Promise<number> => (await freePorts(1))[0] as number

/** @returns different ports of this machine on which no process listens */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>()
  for (let tries = 0; ports.size < count; tries++) {
    if (tries === TRIES) throw new Error(`of ${TRIES} ports between ${FIRST} and ${LAST}, fewer than ${count} are free`)
    const port = randomInt(FIRST, LAST)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
