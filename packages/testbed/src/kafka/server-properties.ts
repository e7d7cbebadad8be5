import type { KafkaOptions } from './kafka-options.js'

/** Where a broker listens, and where it stores its data. */
export interface BrokerPlace {
  readonly port: number
  readonly controllerPort: number
  /** The listener for the broker itself, without TLS. */
  readonly internalPort: number
  readonly data: string
  /** The address that it binds. Within a container, clients use another one. */
  readonly bind: string
  /** Its number in a cluster of several brokers, and all of them with their controllers; default: it is the only one. */
  readonly member?: { readonly nodeId: number; readonly voters: string }
}

/** @returns the arguments that format a cluster with certain features */
export const featureArgs = ({ features = {} }: Pick<KafkaOptions, 'features'>): readonly string[] =>
  Object.entries(features).flatMap(([name, level]) => ['--feature', `${name}=${level}`])

/** @returns the server.properties of a broker that is a controller, too */
export function serverProperties(
  { port, controllerPort, internalPort, data, bind, member }: BrokerPlace,
  { security, properties, proxied }: Pick<KafkaOptions, 'security' | 'properties' | 'proxied'>,
): string {
  const protocol = security ?? 'PLAINTEXT'
  const further = proxied === undefined ? '' : `,PROXIED://${bind}:${proxied.port}`
  const advertised = proxied === undefined ? '' : `,PROXIED://127.0.0.1:${proxied.advertised}`
  const all: Readonly<Record<string, string | number | boolean>> = {
    'process.roles': 'broker,controller',
    'node.id': member?.nodeId ?? 1,
    listeners: `CLIENT://${bind}:${port},INTERNAL://127.0.0.1:${internalPort},CONTROLLER://127.0.0.1:${controllerPort}${further}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internalPort}${advertised}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PROXIED:PLAINTEXT,CLIENT:${protocol}`,
    'controller.quorum.voters': member?.voters ?? `1@127.0.0.1:${controllerPort}`,
    'log.dirs': data,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 10,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 10,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // the time after which a killed broker can register again
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 500,
    'auto.create.topics.enable': false,
    // retention is applied at once, not only if a test happens to run for 5 minutes
    'log.retention.check.interval.ms': 1_000,
    'log.initial.task.delay.ms': 1_000,
    ...properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
