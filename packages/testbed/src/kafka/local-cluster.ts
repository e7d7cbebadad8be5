import { freePorts } from '../servers/free-port.js'
import type { LocalServer } from '../servers/local-server.js'
import { newClusterId } from './format-storage.js'
import type { KafkaOptions } from './kafka-options.js'
import { startBrokerProcess } from './local-broker.js'

/** A broker of a cluster. */
export interface ClusterMember {
  readonly nodeId: number
  /** As `host:port`. */
  readonly address: string
  /** Stops its process as SIGSTOP does: connections stay, and nothing responds. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** Several brokers, with replicas of every partition on each. */
export interface LocalCluster extends AsyncDisposable {
  readonly members: readonly ClusterMember[]
}

const HEAP = '320m'
/** The ports of a broker. */
const PORTS = 3

/** Starts several brokers as Java processes on this machine. A write is acknowledged when two brokers have it. */
export async function startLocalCluster(count: number, options: KafkaOptions = {}): Promise<LocalCluster> {
  const ports = await freePorts(count * PORTS)
  const nodes = Array.from({ length: count }, (_, i) => {
    const [port, controllerPort, internalPort] = ports.slice(i * PORTS) as [number, number, number]
    return { nodeId: i + 1, port, controllerPort, internalPort }
  })
  const voters = nodes.map(({ nodeId, controllerPort }) => `${nodeId}@127.0.0.1:${controllerPort}`).join(',')
  const clusterId = newClusterId()
  const properties = {
    'default.replication.factor': count,
    'min.insync.replicas': 2,
    'offsets.topic.replication.factor': count,
    'transaction.state.log.replication.factor': count,
    'transaction.state.log.min.isr': 2,
    // Kafka's defaults, unlike those of single test brokers
    'broker.session.timeout.ms': 9_000,
    'broker.heartbeat.interval.ms': 2_000,
    ...options.properties,
  }
  const start = ({ nodeId, ...ports }: (typeof nodes)[number]): Promise<LocalServer> =>
    startBrokerProcess({ ...ports, member: { nodeId, voters } }, { heap: HEAP, ...options, properties }, { clusterId })
  const started = await Promise.allSettled(nodes.map(start))
  const servers = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  const failed = started.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return {
    members: nodes.map(({ nodeId, port }, i) => ({
      nodeId,
      address: `127.0.0.1:${port}`,
      freeze: () => (servers[i] as LocalServer).pause(),
      thaw: () => (servers[i] as LocalServer).resume(),
    })),
    [Symbol.asyncDispose]: stop,
  }
}
