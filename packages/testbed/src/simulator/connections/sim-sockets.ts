import type { Socket } from 'node:net'
import { type BrokerAddress, brokerAddressText } from '../../../../kafkajs/src/broker-address.js'
import type { ClusterOptions } from '../../../../kafkajs/src/connection/cluster-options.js'
import type { AuthenticatedSocket } from '../../../../kafkajs/src/kafkajs/socket-opener.js'
import { AcceptedConnection } from '../brokers/accepted-connection.js'
import { apiName, isEndTxn, isTransactional } from '../brokers/api-codecs.js'
import type { Network } from '../brokers/network.js'
import type { SimBroker } from '../brokers/sim-broker.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimProcess } from '../machines/sim-process.js'
import { Link } from './link.js'
import { SimSocket } from './sim-socket.js'

/** kafkaLog's default is 5 s. */
const CONNECT_TIMEOUT_MS = 1_500
/** The clock of a process is a little ahead of simulated time. */
const TOLERANCE_MS = 20
/** The share of responses that arrive in two chunks. */
const SPLIT_RATE = 0.05

/** Opens sockets from a process to the simulated brokers. */
export function simSockets(process: SimProcess, network: Network, cluster: SimCluster): ClusterOptions['sockets'] {
  const opening = new Set<() => void>()
  let isClosed = false
  return {
    open: ({ host, port }) =>
      new Promise((resolve, reject) => {
        const broker = cluster.brokers.find((each) => each.host === host) as SimBroker
        const fail = (why: string) => reject(new Error(`connect ${why} ${brokerAddressText({ host, port })}`))
        const cancel = () => fail('ECANCELED')
        if (isClosed) return cancel()
        opening.add(cancel)
        const isBlocked = network.isBlocked(process, 'client')
        const act = (): void => {
          opening.delete(cancel)
          if (isClosed) return
          if (broker.isDown) fail('ECONNREFUSED')
          else if (isBlocked || network.isBlocked(process, 'client')) fail('ETIMEDOUT')
          else resolve(connect(process, network, cluster, broker))
        }
        const label = `${process.name} connects to ${broker.node}`
        process.eventLoop.schedule(isBlocked ? CONNECT_TIMEOUT_MS : network.latency(), label, act, process)
      }),
    close() {
      isClosed = true
      for (const cancel of opening) cancel()
    },
  }
}

/** @returns the addresses of all brokers */
export const addressesOf = ({ brokers }: SimCluster): readonly BrokerAddress[] =>
  brokers.map(({ host, port }) => ({ host, port }))

function connect(process: SimProcess, network: Network, cluster: SimCluster, broker: SimBroker): AuthenticatedSocket {
  const { eventLoop, name } = process
  let throttledUntil = 0
  const link = new Link(network, process, () => socket.reset())
  const socket = new SimSocket({
    sent(bytes) {
      const label = `${name} ${apiName(bytes)} to ${broker.node}`
      if (eventLoop.now < throttledUntil - TOLERANCE_MS)
        cluster.violates('a throttled connection is not used', `${label}, ${throttledUntil - eventLoop.now} ms early`)
      const arrive = () => accepted.receive(bytes)
      if (!isTransactional(bytes)) link.send('broker', { label, arrive })
      else if (eventLoop.random.chance(network.lateRate)) link.sendLate({ label, arrive })
      else {
        const inTime = () => {
          if (isEndTxn(bytes)) process.onEndTxn()
          arrive()
          network.lateRequests.arrived(name)
        }
        link.send('broker', { label, arrive: inTime })
      }
    },
    ended: () => accepted.ended(),
  })
  const accepted = new AcceptedConnection(cluster, broker, {
    name,
    respond(bytes, label, throttleTimeMs) {
      const arrive = (): void => {
        throttledUntil = Math.max(throttledUntil, eventLoop.now + throttleTimeMs)
        const cut = eventLoop.random.chance(SPLIT_RATE) ? eventLoop.random.between(1, bytes.length - 1) : bytes.length
        socket.receive(bytes.subarray(0, cut))
        if (cut < bytes.length) socket.receive(bytes.subarray(cut))
      }
      link.send('client', { label, arrive })
    },
    closed: () => link.break(),
  })
  return {
    socket: socket as unknown as Socket,
    address: brokerAddressText(broker),
    clientId: name,
    sessionLifetimeMs: Number.POSITIVE_INFINITY,
  }
}
