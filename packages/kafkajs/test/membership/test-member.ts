import type { JoineryError } from '@joinery/core'
import type { GroupMember } from '@joinery/core/log'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import type { GroupOptions } from '../../src/membership/group-options.js'
import { KafkaMembership } from '../../src/membership/kafka-membership.js'
import type { FakeBrokers } from './fake-brokers.js'
import { FakeClient } from './fake-client.js'

export const SESSION_MS = 9_000
export const HEARTBEAT_MS = 500
export const REBALANCE_MS = 9_000
export const TOPICS: readonly string[] = ['events', 'rows']

/** Errors that need a person, and Joinery's code and words for each. */
export const THAT_NEED_A_PERSON = [
  ['GROUP_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED', 'Read on group group'],
  ['INCONSISTENT_GROUP_PROTOCOL', 'OPTION_INVALID', 'another application name'],
  ['INVALID_SESSION_TIMEOUT', 'OPTION_INVALID', 'sessionTimeout'],
  ['INVALID_GROUP_ID', 'OPTION_INVALID', 'another application name'],
  ['GROUP_MAX_SIZE_REACHED', 'OPTION_INVALID', 'group.max.size'],
] as const

/** A member that takes and releases tasks as its membership says. */
export class TestMember implements GroupMember {
  readonly name: string
  readonly client: FakeClient
  readonly membership: KafkaMembership
  readonly options: GroupOptions
  /** The calls of the membership. */
  readonly events: string[] = []
  /** The failures that are retried. */
  readonly retried: JoineryError[] = []
  readonly retries: OngoingRetries = new OngoingRetries((error) => this.retried.push(error))
  failure: Error | undefined
  /** How long tasks take to stop. */
  release: () => Promise<void> = async () => {}
  /** Is called when tasks are assigned. */
  onAssigned: (tasks: readonly number[]) => void = () => {}
  /** The tasks that run. */
  running: readonly number[] = []
  /** The tasks whose state this member has. */
  #tasks: readonly number[] = []

  constructor(brokers: FakeBrokers, name = 'one') {
    this.name = name
    this.client = new FakeClient(name, brokers)
    this.options = {
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      heartbeatIntervalMs: HEARTBEAT_MS,
      publishIntervalMs: 1_000,
      clock: brokers.clock,
      cluster: this.client.cluster,
      retries: this.retries,
    }
    this.membership = new KafkaMembership({
      ...this.options,
      group: 'group',
      topics: TOPICS,
      member: this,
      channel: 'membership',
    })
  }

  assigned(tasks: readonly number[]): void {
    this.events.push(`assigned ${tasks.join()}`)
    this.#tasks = tasks
    this.running = tasks
    this.onAssigned(tasks)
  }

  async revoked(tasks: readonly number[]): Promise<void> {
    this.events.push(`revoking ${tasks.join()}`)
    const before = this.running
    await this.release()
    if (this.running === before) this.running = []
    this.events.push('revoked')
  }

  lost(): void {
    this.events.push('lost')
    this.#tasks = []
    this.running = []
  }

  ownedTasks(): readonly number[] {
    return this.#tasks
  }

  failed(error: Error): void {
    this.failure = error
  }

  leave(): Promise<void> {
    this.running = []
    return this.membership.leave()
  }
}
