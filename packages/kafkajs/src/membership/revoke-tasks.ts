import type { GroupMember } from '@joinery/core/log'
import { settledWithin, sleep } from '../connection/retry.js'
import type { GroupOptions } from './group-options.js'
import type { MemberGeneration } from './member-generation.js'
import type { OffsetPublisher } from './offset-publisher.js'

/** The parts of a membership that revoking uses. */
export interface RevocationParts {
  readonly member: GroupMember
  readonly options: GroupOptions
  readonly generation: MemberGeneration
  readonly publisher: OffsetPublisher
}

/** Revokes the tasks of a member, within half a session; heartbeats keep it in the group meanwhile. Never rejects. */
export async function revokeTasks({ member, options, generation, publisher }: RevocationParts): Promise<void> {
  const tasks = member.ownedTasks()
  if (tasks.length === 0) return
  const { clock, sessionTimeoutMs, heartbeatIntervalMs } = options
  const revoking = member
    .revoked(tasks)
    .then(() => publisher.flush())
    .catch((error: unknown) => member.failed(error as Error))
  const revoked = new AbortController()
  const sendHeartbeats = async () => {
    for (;;) {
      await sleep(clock, heartbeatIntervalMs, revoked.signal)
      if (revoked.signal.aborted) return
      generation.heartbeat().catch(() => {}) // the group responds that it is rebalancing
    }
  }
  sendHeartbeats()
  await settledWithin(clock, sessionTimeoutMs / 2, revoking)
  revoked.abort()
}
