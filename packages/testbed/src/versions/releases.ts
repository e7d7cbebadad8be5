import type { Kafka } from '../kafka/kafka-options.js'
import { startLocalBroker } from '../kafka/local-broker.js'
import { startZooKeeperBroker } from '../kafka/zookeeper-broker.js'

/** A release of Kafka, with the way its brokers store metadata. */
export interface Release {
  readonly version: string
  readonly mode: 'ZooKeeper' | 'KRaft'
  /** Whether the join has to run, or `run` has to refuse the broker. */
  readonly expected: 'works' | 'refused'
}

const release = (version: string, mode: Release['mode'], expected: Release['expected'] = 'works'): Release => ({
  version,
  mode,
  expected,
})

/** In KRaft mode, brokers have transactions since 3.3; ZooKeeper mode ended with 3.9. */
export const RELEASES: readonly Release[] = [
  release('2.7.2', 'ZooKeeper', 'refused'),
  release('2.8.2', 'ZooKeeper'),
  release('3.0.2', 'ZooKeeper'),
  release('3.3.2', 'KRaft'),
  release('3.9.1', 'ZooKeeper'),
  release('3.9.1', 'KRaft'),
  release('4.0.2', 'KRaft'),
  release('4.1.2', 'KRaft'),
  release('4.2.2', 'KRaft'),
  release('4.3.1', 'KRaft'),
  release('4.4.0', 'KRaft'),
]

/** Starts one broker, whose jars are fetched from Maven Central once. */
export function startRelease({ version, mode }: Release): Promise<Pick<Kafka, 'brokers' | 'stop'>> {
  return mode === 'ZooKeeper' ? startZooKeeperBroker(version) : startLocalBroker({}, version)
}
