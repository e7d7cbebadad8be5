import type { PlainClient } from '../join-check/plain-client.js'
import type { LocalCluster } from '../kafka/local-cluster.js'
import { poll } from '../poll.js'
import { coordinatorOf } from '../wire/cluster-roles.js'

const LIMIT_MS = 60_000

/**
 * Opens a transactional producer on each broker, so that each has a block of producer ids, as in a cluster that has been in use. A broker
 * without one requests it from the controller, and waits for a frozen controller until `controller.socket.timeout.ms` (30 s): meanwhile
 * it refuses InitProducerId with COORDINATOR_LOAD_IN_PROGRESS (KIP-730).
 */
export async function allocateProducerIds({ members }: LocalCluster, client: PlainClient): Promise<void> {
  const [first] = members
  if (first === undefined) return
  const without = new Set(members.map(({ nodeId }) => nodeId))
  let opened = 0
  const allHaveIds = async () => {
    const id = `allocate-${opened++}` // each broker coordinates a share of the transactional ids
    await client.openTransactionalProducer(id)
    const notAvailable = -1 // the broker that is asked does not know the coordinators yet
    without.delete(await coordinatorOf(first.address, 'transaction', id).catch(() => notAvailable))
    return without.size === 0
  }
  if (!(await poll(allHaveIds, LIMIT_MS)))
    throw new Error(`broker ${[...without].join(', ')} coordinates no transactional id`)
}
