import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../servers/free-port.js'
import { LocalServer } from '../servers/local-server.js'
import { formatStorage, javaArgs, newClusterId } from './format-storage.js'
import { kafkaJars } from './kafka-jars.js'
import type { Kafka, KafkaOptions } from './kafka-options.js'
import { kafkaReadinessProbe } from './kafka-readiness-probe.js'
import { type BrokerPlace, featureArgs, serverProperties } from './server-properties.js'

const DATA = 'data'

/** A broker as a Java process on this machine. */
export async function startLocalBroker(options: KafkaOptions, version?: string): Promise<Kafka> {
  const [chosen, controllerPort, internalPort] = (await freePorts(3)) as [number, number, number]
  const port = options.port ?? chosen
  const ports = { port, controllerPort, internalPort }
  const server = await startBrokerProcess(ports, options, { clusterId: newClusterId(), version })
  return {
    brokers: [`127.0.0.1:${port}`],
    get pid() {
      return server.pid
    },
    data: join(server.folder, DATA),
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}

/** Formats the data folder of a broker, and starts it. */
export async function startBrokerProcess(
  place: Omit<BrokerPlace, 'data' | 'bind'>,
  options: KafkaOptions,
  { clusterId, version }: { readonly clusterId: string; readonly version?: string | undefined },
): Promise<LocalServer> {
  const jars = await kafkaJars(version)
  const folder = await mkdtemp(join(tmpdir(), 'joinery-kafka-'))
  const config = join(folder, 'server.properties')
  await writeFile(config, serverProperties({ ...place, data: join(folder, DATA), bind: '127.0.0.1' }, options))
  const java = await javaArgs(jars, folder, options.classes, options.jvm)
  await formatStorage(java, config, clusterId, featureArgs(options))
  const args = [`-Xmx${options.heap ?? '512m'}`, ...java, 'kafka.Kafka', config]
  return LocalServer.start(folder, 'java', args, kafkaReadinessProbe(place.port, options))
}
