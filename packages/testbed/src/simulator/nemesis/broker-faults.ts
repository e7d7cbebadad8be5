import { freeze, isWhole, start, stop, thaw } from '../brokers/broker-control.js'
import { LATEST } from '../brokers/broker-releases.js'
import type { Network } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Random } from '../random.js'
import { REPLIES } from '../scenario/call-values.js'
import { APPLICATION, type Scenario } from '../scenario/scenario.js'

/** The occurrence of a fault of brokers. */
interface Occurrence {
  readonly cluster: SimCluster
  readonly network: Network
  readonly scenario: Scenario
  readonly random: Random
  /** Runs a function after `from` to `to` milliseconds. */
  later(from: number, to: number, act: () => void): void
}

/** All brokers are stopped at once. */
export function stopBrokers({ cluster, network, later }: Occurrence): void {
  network.isDown = true
  for (const broker of cluster.brokers) broker.stop()
  cluster.brokerChanged()
  later(50, 12_000, () => {
    network.isDown = false
    for (const broker of cluster.brokers) start(cluster, broker)
  })
}

/** Often longer than its session, after which others take over. At most one broker is frozen or stopped at a time. */
export function freezeBroker({ cluster, scenario, random, later }: Occurrence): void {
  if (!isWhole(cluster)) return
  const broker = random.pick(cluster.brokers)
  freeze(cluster, broker, scenario.brokerSessionMs)
  const { changes } = broker
  const [from, to] = scenario.onlyFreezes ? [15_000, 25_000] : [100, random.chance(0.3) ? 3_000 : 20_000]
  later(from, to, () => {
    if (broker.changes === changes) thaw(cluster, broker)
  })
}

/** It comes back with another release if the brokers are being upgraded. */
export function restartBroker({ cluster, scenario, random, later }: Occurrence): void {
  if (!isWhole(cluster)) return
  const broker = random.pick(cluster.brokers)
  stop(cluster, broker)
  later(100, 5_000, () => start(cluster, broker, scenario.upgrades ? LATEST : undefined))
}

/**
 * The only replica of a partition is gone for a while: of a changelog, or of a topic for results. Half of the time it goes with
 * the next append of a transaction, which is not acknowledged.
 */
export function losePartition({ cluster, scenario, random, later }: Occurrence): void {
  const sinks = scenario.pipelines.map(({ sink }) => sink)
  const topics = [`${APPLICATION}-changelog`, ...(scenario.calls === undefined ? [] : [REPLIES]), ...sinks]
  const partitions = cluster.partitionsOf(random.pick(topics))
  if (partitions.length === 0) return
  const partition = random.pick(partitions)
  const lose = () => {
    cluster.eventLoop.note(`${partition.topic}[${partition.partition}] has no leader`)
    cluster.leaderless.add(partition)
    later(50, 20_000, () => {
      cluster.leaderless.delete(partition)
      cluster.brokerChanged()
    })
  }
  if (random.chance(0.5)) cluster.lostWithAppend.set(partition, lose)
  else lose()
}

/** Some responses have a throttle time. */
export function throttle({ cluster, random, later }: Occurrence): void {
  cluster.throttling = { rate: random.next() * 0.5, maxMs: random.pick([50, 500, 4_000]) }
  later(50, 6_000, () => {
    cluster.throttling = undefined
  })
}
