import { BrokerVersions } from '../../../../kafkajs/src/connection/broker-versions.js'

/** The versions of APIs, by their keys: Produce, Fetch, ListOffsets, InitProducerId, AddPartitionsToTxn, EndTxn, DescribeConfigs. */
const RELEASES = {
  '2.8': { 0: [0, 9], 1: [0, 12], 2: [0, 6], 22: [0, 4], 24: [0, 3], 26: [0, 3], 32: [0, 4] },
  '4.3': { 0: [3, 13], 1: [4, 18], 2: [1, 11], 22: [0, 6], 24: [0, 5], 26: [0, 5], 32: [1, 4] },
} as const

/** @returns the versions of the APIs that simulated brokers have, as in a release of Kafka */
export function releasedVersions(release: keyof typeof RELEASES): BrokerVersions {
  const ranges = Object.entries(RELEASES[release]).map(([key, [minVersion, maxVersion]]) => ({
    apiKey: Number(key),
    minVersion,
    maxVersion,
  }))
  return new BrokerVersions(`with Kafka ${release}`, ranges)
}
