import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Finds out when a server has accepted every connection that began before: they are accepted in order. */
export class AcceptQueue {
  readonly #server: Server
  /** By the port that a probe connects from. */
  readonly #probes = new Map<number, () => void>()

  constructor(server: Server) {
    this.#server = server
  }

  /** @returns whether an accepted connection is one of the probes, and belongs to no caller */
  takeProbe(socket: Socket): boolean {
    const accepted = this.#probes.get(socket.remotePort ?? 0)
    if (accepted === undefined) return false
    socket.destroy()
    accepted()
    return true
  }

  /** Resolves once a connection that begins now is accepted. */
  async passed(): Promise<void> {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') return
    const localPort = await freePort()
    const accepted = new Promise<void>((resolve) => this.#probes.set(localPort, resolve))
    const probe = connect({ port: address.port, host: address.address, localPort })
    try {
      await Promise.all([once(probe, 'connect'), accepted])
    } finally {
      this.#probes.delete(localPort)
      probe.on('error', () => {}).destroy() // the server may have closed it first
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
