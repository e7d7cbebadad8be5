import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Redis } from '../../../testbed/src/index.js'

const portOf = ({ url }: Redis): number => Number(new URL(url).port)

/** An address that leads to one server, and after a failover to another, as a DNS name or a load balancer does. */
export class Switch {
  readonly url: string
  readonly #server: Server
  readonly #sockets: Set<Socket>
  #port: number
  #losesAnswer = false

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server
    this.#sockets = sockets
    this.#port = port
    this.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (near) => {
      const far = connect(this.#port, '127.0.0.1')
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket)
        socket.on('data', (data) => {
          if (socket === near || !this.#losesAnswer) return other.write(data)
          this.#losesAnswer = false
          return socket.destroy()
        })
        socket.on('error', () => {}) // 'close' follows
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      }
    })
  }

  static async to(redis: Redis): Promise<Switch> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Switch(server, new Set(), portOf(redis))
  }

  /** Leads new connections to another server. Existing ones remain. */
  point(redis: Redis): void {
    this.#port = portOf(redis)
  }

  /** Closes all connections. New ones lead to another server. */
  turn(redis: Redis): void {
    this.point(redis)
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Closes the connection after the server has replied, before the client receives the reply. */
  loseAnswer(): void {
    this.#losesAnswer = true
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
