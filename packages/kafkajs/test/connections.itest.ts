import { connect, type Socket } from 'node:net'
import { systemClock } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { KafkaCluster } from '../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../src/connection/ongoing-retries.js'
import { kafkaLogOptions } from '../src/kafka-log-options.js'
import { internalCluster } from '../src/kafkajs/internal-cluster.js'

/** A method that kafkajs calls on its broker objects. */
interface Asked {
  metadata(topics: readonly string[]): Promise<unknown>
}

const CALLERS = 8
const LIMIT = { timeout: 5_000, interval: 10 }

describe('connections to brokers', () => {
  it('that were lost are reopened once for all callers, and none is left at the end', async () => {
    const { sockets, open, config } = watched()
    const { kafkaConfig } = kafkaLogOptions(config)
    const cluster = new KafkaCluster({
      config: kafkaConfig,
      clock: systemClock,
      name: 'test',
      retries: new OngoingRetries(undefined),
    })
    const ask = () => Promise.all(Array.from({ length: CALLERS }, () => cluster.transactionVersion()))
    await ask()
    const before = open()
    await cut(sockets.at(-1) as Socket)
    await ask()
    expect(open()).toBe(before)
    await cluster.close()
    await expect.poll(open, LIMIT).toBe(0)
  })

  it('of kafkajs are reopened once, too: the first of two would keep the process alive', async () => {
    const { sockets, open, config } = watched()
    const { cluster, endConnections } = internalCluster(
      new kafkajs.Kafka({ ...config, logLevel: kafkajs.logLevel.NOTHING }),
    )
    await cluster.connect()
    await cluster.refreshMetadata()
    const broker = (await cluster.findControllerBroker()) as unknown as Asked
    const before = open()
    await cut(sockets.at(-1) as Socket)
    await Promise.all(Array.from({ length: CALLERS }, () => broker.metadata([])))
    expect(open()).toBe(before)
    await cluster.disconnect()
    endConnections()
    await expect.poll(open, LIMIT).toBe(0)
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
  socket.destroy(new Error('cut')) // kafkajs notices only errors
  await closed
}
