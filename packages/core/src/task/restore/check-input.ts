import { JoineryError } from '../../errors.js'
import type { TopicInfo } from '../../log/contract.js'
import type { ApplicationPlan } from '../../pipeline/plan.js'

/** The application whose state was built from an input. */
export interface StateOwner {
  readonly application: string
  readonly plan: Pick<ApplicationPlan, 'guarantee'>
  readonly changelog: Pick<TopicInfo, 'partitions'>
}

/** An input as it was when the state was built, as far as that is known. */
export interface FormerInput {
  readonly id: string | undefined
  readonly partitions: number | undefined
}

/**
 * Checks that an input is still the topic that the state of an application was built from.
 *
 * @throws JoineryError `TOPIC_RECREATED`: its offsets refer to other records; `PARTITIONS_CHANGED`: keys have moved
 */
export function checkInput(owner: StateOwner, before: FormerInput, now: TopicInfo): void {
  const { topic, id, partitions } = now
  const { application } = owner
  if (before.id !== undefined && before.id !== id) {
    const what = `${topic} was deleted and created again, so the positions of ${application} refer to other records`
    throw new JoineryError('TOPIC_RECREATED', `${what}: ${withoutState(owner, partitions)}`, { topic })
  }
  if (before.partitions !== undefined && before.partitions !== partitions) {
    const what = `${topic} has ${partitions} partitions, and had ${before.partitions} when the state of ${application} was built, so keys have moved`
    throw new JoineryError('PARTITIONS_CHANGED', `${what}: ${withoutState(owner, partitions)}`, { topic })
  }
}

/** @returns how the application can start without its state, as text: a reset keeps the changelog, and its number of partitions */
function withoutState({ application, plan, changelog }: StateOwner, partitions: number): string {
  if (plan.guarantee === 'at-least-once' || changelog.partitions === partitions)
    return `reset ${application}, or give it another name`
  return `give ${application} another name (reset fails, because the changelog still has ${changelog.partitions} partitions)`
}
