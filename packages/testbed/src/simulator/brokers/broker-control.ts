import { LATEST, type Release } from './broker-releases.js'
import type { SimBroker } from './sim-broker.js'
import type { SimCluster } from './sim-cluster.js'

/** How long a coordinator loads its state at most. */
const LOADING_MS = 1_000
/** A broker that is back gets its partitions again after this time. */
const REJOIN_MS = [500, 5_000] as const
/** How long a thawed broker takes at most to learn what has changed. */
const STALE_MS = 1_000

/** Whether all brokers work, and have the partitions that are theirs. */
export const isWhole = ({ brokers }: SimCluster): boolean => brokers.every(({ isUp, isFenced }) => isUp && !isFenced)

/** A broker accepts connections and requests, and processes nothing. After `sessionMs` others take over. */
export function freeze(cluster: SimCluster, broker: SimBroker, sessionMs: number): void {
  broker.freeze(cluster.view)
  const { changes, node } = broker
  cluster.eventLoop.note(`broker ${node} freezes`)
  cluster.eventLoop.schedule(sessionMs, `the session of broker ${node} is over`, () => {
    if (broker.changes === changes) fence(cluster, broker)
  })
}

/** A frozen broker continues. It does not know what has changed in the meantime. */
export function thaw(cluster: SimCluster, broker: SimBroker): void {
  if (!broker.isFrozen) return
  const { eventLoop } = cluster
  eventLoop.note(`broker ${broker.node} thaws`)
  broker.thaw()
  cluster.brokerChanged()
  if (!broker.isFenced) broker.staleView = undefined
  const { changes } = broker
  eventLoop.schedule(eventLoop.random.next() * STALE_MS, `broker ${broker.node} has the metadata`, () => {
    if (broker.changes === changes) broker.staleView = undefined
  })
  rejoin(cluster, broker)
}

/** A broker is stopped: its connections end, and others take over. */
export function stop(cluster: SimCluster, broker: SimBroker): void {
  cluster.eventLoop.note(`broker ${broker.node} stops`)
  broker.stop()
  fence(cluster, broker)
}

/** @param release with which it comes back */
export function start(cluster: SimCluster, broker: SimBroker, release?: Release): void {
  if (!broker.isDown) return
  cluster.eventLoop.note(`broker ${broker.node} starts`)
  broker.start(release)
  cluster.brokerChanged()
  if (broker.isFenced) rejoin(cluster, broker)
  if (release !== LATEST || cluster.brokers.some((each) => each.release !== LATEST)) return
  cluster.eventLoop.note('transaction.version 2 is finalized')
  cluster.transactions.version = 2
}

/** Everything works as before. */
export function heal(cluster: SimCluster): void {
  cluster.throttling = undefined
  cluster.lostWithAppend.clear()
  cluster.leaderless.clear()
  cluster.withoutMarkers.clear()
  for (const broker of cluster.brokers) {
    start(cluster, broker)
    thaw(cluster, broker)
    takeBack(cluster, broker)
  }
}

/** Moves all leaders and coordinators. */
export function moveAll(cluster: SimCluster): void {
  cluster.view = cluster.view.moved()
  load(cluster)
}

function fence(cluster: SimCluster, broker: SimBroker): void {
  broker.isFenced = true
  cluster.brokerChanged()
  cluster.view = cluster.view.with(broker.node, true)
  load(cluster)
}

function takeBack(cluster: SimCluster, broker: SimBroker): void {
  if (!broker.isFenced) return
  broker.isFenced = false
  cluster.view = cluster.view.with(broker.node, false)
  load(cluster)
}

function rejoin(cluster: SimCluster, broker: SimBroker): void {
  const { eventLoop } = cluster
  const { changes, node } = broker
  eventLoop.schedule(eventLoop.random.between(...REJOIN_MS), `broker ${node} takes its partitions back`, () => {
    if (broker.changes === changes) takeBack(cluster, broker)
  })
}

function load(cluster: SimCluster): void {
  cluster.loadingUntil = cluster.eventLoop.now + cluster.eventLoop.random.between(0, LOADING_MS)
}
