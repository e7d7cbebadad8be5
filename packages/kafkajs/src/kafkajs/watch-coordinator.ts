import type { InternalCoordinator } from './internals.js'
import { requireFunctions } from './require-functions.js'

type SyncGroupRequest = Parameters<InternalCoordinator['syncGroup']>[0]
type HeartbeatRequest = Parameters<InternalCoordinator['heartbeat']>[0]

/** Observes the requests of a consumer to its coordinator. */
export interface CoordinatorWatcher {
  /** The group has given this member an assignment. */
  synced(request: SyncGroupRequest): void
  /** Sends a heartbeat of kafkajs or of our own. */
  heartbeat(request: HeartbeatRequest, send: () => Promise<unknown>): Promise<unknown>
}

/**
 * Watches the requests that kafkajs sends: only they contain its member id and generation.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if kafkajs does not have the internals of 2.2.4
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
