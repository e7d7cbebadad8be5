import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { KafkaConfig } from 'kafkajs'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { testCluster } from './support/test-cluster.js'

const CALLERS = 8
const LIMIT = { timeout: 5_000, interval: 10 }

describe('connections to brokers', () => {
  it('that were lost are reopened once for all callers, and none is left at the end', async () => {
    const { sockets, open, config } = watched()
    const cluster = testCluster(config)
    const ask = () => Promise.all(Array.from({ length: CALLERS }, () => cluster.transactionVersion()))
    await ask()
    const before = open()
    await cut(sockets.at(-1) as Socket)
    await ask()
    expect(open()).toBe(before)
    await cluster.close()
    await expect.poll(open, LIMIT).toBe(0)
  })
})

/** Whether this machine has IPv6. */
const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer().once('error', () => resolve(false))
  server.listen(0, '::1', () => server.close(() => resolve(true)))
})

describe.skipIf(!hasIpv6)('a broker at an IPv6 address', () => {
  it.each([
    ['in brackets', (port: number) => `[::1]:${port}`],
    ['without brackets', (port: number) => `::1:${port}`],
  ])('%s is reached', async (_, address) => {
    const [broker = ''] = inject('brokers')
    const [host, port] = broker.split(':') as [string, string]
    const relay = createServer((client) => {
      const server = connect(Number(port), host)
      client.pipe(server).pipe(client)
      for (const socket of [client, server]) socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => relay.listen(0, '::1', resolve))
    const cluster = testCluster({ brokers: [address((relay.address() as AddressInfo).port)] })
    expect(await cluster.transactionVersion()).toBeGreaterThanOrEqual(0)
    await cluster.close()
    await new Promise((resolve) => relay.close(resolve))
  })
})

/** A client whose sockets are counted. */
function watched() {
  const sockets: Socket[] = []
  const config: KafkaConfig = {
    brokers: [...inject('brokers')],
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect(port, host, onConnect)
      sockets.push(socket)
      return socket
    },
  }
  return { sockets, config, open: () => sockets.filter(({ destroyed }) => !destroyed).length }
}

async function cut(socket: Socket): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.destroy()
  await closed
}
