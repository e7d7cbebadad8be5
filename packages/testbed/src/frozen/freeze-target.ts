import type { ActivationJoin } from '../join-check/activation-join.js'
import type { PlainClient } from '../join-check/plain-client.js'
import { activeController, coordinatorOf } from '../wire/cluster-roles.js'

/** The brokers that are frozen, by what they do for the application. */
export const FREEZE_TARGETS = [
  'first bootstrap broker',
  'leader',
  'group coordinator',
  'transaction coordinator',
  'controller',
] as const

/** The key of OWNER records, as text. */
const OWNER_KEY = '\u0001\u0000'

export type FreezeTarget = (typeof FREEZE_TARGETS)[number]

/**
 * @param broker any broker, as `host:port`
 * @returns the number of the broker that has a role for the first task
 */
export async function nodeOf(
  target: Exclude<FreezeTarget, 'first bootstrap broker'>,
  broker: string,
  { client, join }: { readonly client: PlainClient; readonly join: ActivationJoin },
): Promise<number> {
  if (target === 'leader') return client.leaderOf(join.notifications.name, 0)
  if (target === 'group coordinator') return coordinatorOf(broker, 'group', join.application)
  if (target === 'transaction coordinator')
    return coordinatorOf(broker, 'transaction', await transactionalIdOf(join.application, client))
  return activeController(broker)
}

/** @returns the transactional id of the last instance that has opened a task: the value of its OWNER record ends with it */
async function transactionalIdOf(application: string, client: PlainClient): Promise<string> {
  const records = await client.committed(`${application}-changelog`)
  const owner = records.findLast(({ key }) => key === OWNER_KEY)
  const id = owner?.value.slice(owner.value.lastIndexOf(`${application}-`))
  if (id === undefined || id === '') throw new Error(`no instance of ${application} has opened a task`)
  return id
}
