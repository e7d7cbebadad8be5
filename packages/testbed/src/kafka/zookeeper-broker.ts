import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../servers/free-port.js'
import { LocalServer } from '../servers/local-server.js'
import { javaArgs } from './format-storage.js'
import { kafkaJars } from './kafka-jars.js'
import type { Kafka } from './kafka-options.js'
import { kafkaReadinessProbe } from './kafka-readiness-probe.js'

const propertiesText = (properties: Readonly<Record<string, string | number | boolean>>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

/** A broker of Kafka 2.4 to 3.9 that stores its metadata in ZooKeeper, as two Java processes on this machine. */
export async function startZooKeeperBroker(version: string): Promise<Pick<Kafka, 'brokers' | 'stop'>> {
  const jars = await kafkaJars(version)
  const [zooKeeperPort, port] = (await freePorts(2)) as [number, number]
  const zooKeeper = await startZooKeeper(jars, zooKeeperPort)
  const folder = await mkdtemp(join(tmpdir(), 'joinery-kafka-'))
  const config = join(folder, 'server.properties')
  const properties = {
    'broker.id': 1,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'zookeeper.connect': `127.0.0.1:${zooKeeperPort}`,
    'zookeeper.connection.timeout.ms': 30_000,
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 10,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 10,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'log.cleaner.dedupe.buffer.size': 20_000_000,
  }
  await writeFile(config, propertiesText(properties))
  const args = ['-Xmx512m', ...(await javaArgs(jars, folder)), 'kafka.Kafka', config]
  try {
    const broker = await LocalServer.start(folder, 'java', args, kafkaReadinessProbe(port, {}))
    const stop = async () => {
      await broker.stop()
      await zooKeeper.stop()
    }
    return { brokers: [`127.0.0.1:${port}`], stop }
  } catch (error) {
    await zooKeeper.stop()
    throw error
  }
}

async function startZooKeeper(jars: string, port: number): Promise<LocalServer> {
  const folder = await mkdtemp(join(tmpdir(), 'joinery-zookeeper-'))
  const config = join(folder, 'zookeeper.properties')
  const properties = {
    dataDir: join(folder, 'data'),
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
    maxClientCnxns: 0,
  }
  await writeFile(config, propertiesText(properties))
  const main = ['-Dzookeeper.jmx.log4j.disable=true', 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config]
  const args = ['-Xmx128m', ...(await javaArgs(jars, folder)), ...main]
  const probe = { server: 'ZooKeeper', port, isTls: false, request: Buffer.from('srvr'), isReady: () => true }
  return LocalServer.start(folder, 'java', args, probe)
}
