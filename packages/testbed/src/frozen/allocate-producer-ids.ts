import type { PlainClient } from '../join-check/plain-client.js'
import type { LocalCluster } from '../kafka/local-cluster.js'
import { coordinatorOf } from '../wire/cluster-roles.js'

/** Ids to try: each broker coordinates a share of the transactional ids. */
const MAX_IDS = 100

/**
 * Opens a transactional producer on each broker, so that each has a block of producer ids, as in a cluster that has been in use. A broker
 * without one requests it from the controller, and waits for a frozen controller until `controller.socket.timeout.ms` (30 s): meanwhile
 * it refuses InitProducerId with COORDINATOR_LOAD_IN_PROGRESS (KIP-730).
 */
export async function allocateProducerIds({ members }: LocalCluster, client: PlainClient): Promise<void> {
  const [first] = members
  const missing = new Set(members.map(({ nodeId }) => nodeId))
  for (let i = 0; first !== undefined && missing.size > 0 && i < MAX_IDS; i++) {
    const id = `allocate-${i}`
    await client.openTransactionalProducer(id) // creates the topic of transactions, if it is the first
    missing.delete(await coordinatorOf(first.address, 'transaction', id))
  }
  if (missing.size > 0) throw new Error(`no transactional id is coordinated by broker ${[...missing].join(', ')}`)
}
