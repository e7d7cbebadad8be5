import { randomBytes, randomUUID } from 'node:crypto'
import { DockerServer } from '../servers/docker-server.js'
import { freePort } from '../servers/free-port.js'
import type { Kafka, KafkaOptions } from './kafka-options.js'
import { kafkaReadinessProbe } from './kafka-readiness-probe.js'
import { featureArgs, serverProperties } from './server-properties.js'

export const KAFKA_IMAGE = 'apache/kafka:4.3.1'
/** The port within the container, below the ephemeral ports of hosts. */
const CONTROLLER_PORT = 9_093
const INTERNAL_PORT = 9_094
const CONFIG = '/tmp/server.properties'
/** Formats only once, so that a restarted container keeps its data. */
const START = `printf %s "$PROPERTIES" > ${CONFIG} && /opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t "$CLUSTER" -c ${CONFIG} $FEATURES && exec /opt/kafka/bin/kafka-server-start.sh ${CONFIG}`

/** @returns the arguments of `docker run` */
export function dockerRun(
  name: string,
  place: { readonly port: number; readonly clusterId: string },
  options: KafkaOptions,
): readonly string[] {
  const { port, clusterId } = place
  const { proxied } = options
  const inside = { controllerPort: CONTROLLER_PORT, internalPort: INTERNAL_PORT, data: '/tmp/kafka-data' }
  const properties = serverProperties({ ...inside, port, bind: '0.0.0.0' }, options)
  return [
    'run',
    '--detach',
    '--name',
    name,
    '--publish',
    `127.0.0.1:${port}:${port}`,
    ...(proxied === undefined ? [] : ['--publish', `127.0.0.1:${proxied.port}:${proxied.port}`]),
    '--env',
    `PROPERTIES=${properties}`,
    '--env',
    `CLUSTER=${clusterId}`,
    '--env',
    `FEATURES=${featureArgs(options).join(' ')}`,
    '--env',
    `KAFKA_HEAP_OPTS=-Xmx${options.heap ?? '512m'}`,
    ...(options.classes === undefined
      ? []
      : ['--volume', `${options.classes}:${options.classes}:ro`, '--env', `CLASSPATH=${options.classes}`]),
    ...(options.files === undefined ? [] : ['--volume', `${options.files}:${options.files}:ro`]),
    '--entrypoint',
    'sh',
    KAFKA_IMAGE,
    '-c',
    START,
  ]
}

/** A broker in a container. */
export async function startDockerBroker(options: KafkaOptions): Promise<Kafka> {
  const name = `joinery-kafka-${randomUUID().slice(0, 8)}`
  const port = options.port ?? (await freePort())
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  const server = await DockerServer.start(
    name,
    dockerRun(name, { port, clusterId }, options),
    kafkaReadinessProbe(port, options),
  )
  return {
    brokers: [`127.0.0.1:${port}`],
    pid: undefined,
    data: undefined,
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}
