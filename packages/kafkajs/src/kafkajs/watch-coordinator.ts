import type { InternalCoordinator } from './internals.js'
import { requireFunctions } from './require-functions.js'

type SyncGroupRequest = Parameters<InternalCoordinator['syncGroup']>[0]
type HeartbeatRequest = Parameters<InternalCoordinator['heartbeat']>[0]

/** What is seen of a consumer's requests to its coordinator. */
export interface CoordinatorWatcher {
  /** The group has given this member an assignment. */
  synced(request: SyncGroupRequest): void
  /** Sends a heartbeat of kafkajs or of our own. */
  heartbeat(request: HeartbeatRequest, send: () => Promise<unknown>): Promise<unknown>
}

/**
 * Watches the requests that kafkajs sends: they alone show which member it is, in which generation.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is
 */
export function watchCoordinator(coordinator: InternalCoordinator, watcher: CoordinatorWatcher): void {
  requireFunctions('broker', coordinator, ['syncGroup', 'heartbeat', 'offsetCommit'])
  const syncGroup = coordinator.syncGroup.bind(coordinator)
  coordinator.syncGroup = async (request) => {
    const response = await syncGroup(request)
    watcher.synced(request)
    return response
  }
  const heartbeat = coordinator.heartbeat.bind(coordinator)
  coordinator.heartbeat = (request) => watcher.heartbeat(request, () => heartbeat(request))
}
