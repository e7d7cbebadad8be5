import { JoineryError } from '@joinery/core'
import type { Membership } from '@joinery/core/log'

/** @throws JoineryError `TASK_LOST`, retriable, if this instance is not a member of the application's group, by a heartbeat now */
export async function requireMember(verifyMembership: Membership['verify']): Promise<void> {
  if ((await verifyMembership()) === 'member') return
  throw new JoineryError('TASK_LOST', 'this instance is not a member of the group now', { retriable: true })
}
