import { JoineryError } from '@joinery/core'

/** @throws JoineryError `TASK_LOST`, retriable, if this instance is not a member of the application's group, by a heartbeat now */
export async function requireMember(isMember: () => Promise<boolean>): Promise<void> {
  if (await isMember()) return
  throw new JoineryError('TASK_LOST', 'this instance is not a member of the group now', { retriable: true })
}
