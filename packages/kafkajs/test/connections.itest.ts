import { connect, type Socket } from 'node:net'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { KafkaCluster } from '../src/connection/kafka-cluster.js'

const CALLERS = 8
const LIMIT = { timeout: 5_000, interval: 10 }

describe('connections to brokers', () => {
  it('that went away are opened anew once, whoever asks, and none is left at the end', async () => {
    const sockets: Socket[] = []
    const cluster = new KafkaCluster({
      brokers: inject('brokers') as string[],
      socketFactory: ({ host, port, onConnect }) => {
        const socket = connect(port, host, onConnect)
        sockets.push(socket)
        return socket
      },
    })
    const ask = () => Promise.all(Array.from({ length: CALLERS }, () => cluster.transactionVersion()))
    const open = () => sockets.filter(({ destroyed }) => !destroyed).length
    await ask()
    const before = open()
    const link = sockets.at(-1) as Socket
    const closed = new Promise((resolve) => link.once('close', resolve))
    link.destroy()
    await closed
    await ask()
    expect(open()).toBe(before)
    await cluster.close()
    await expect.poll(open, LIMIT).toBe(0)
  })
})
