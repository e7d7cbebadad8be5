import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from '../../../testbed/src/index.js'
import { atEnd } from './servers.js'

const PIECE = 16_384

/** A way to a server that passes a limited number of bytes a second in each direction. */
export interface NarrowLink {
  readonly url: string
  bytesPerSecond: number
}

/** It is closed after the test. */
export async function narrowLink(redis: Redis, bytesPerSecond: number): Promise<NarrowLink> {
  const sockets = new Set<Socket>()
  const port = Number(new URL(redis.url).port)
  const pass = async (from: Socket, to: Socket) => {
    for await (const data of from as AsyncIterable<Buffer>)
      for (let at = 0; at < data.length; at += PIECE) {
        const piece = data.subarray(at, at + PIECE)
        if (Number.isFinite(link.bytesPerSecond)) await sleep((piece.length / link.bytesPerSecond) * 1_000)
        to.write(piece)
      }
  }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('close', () => other.destroy())
      pass(socket, other).catch(() => {}) // 'close' follows
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const link = { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, bytesPerSecond }
  return link
}
