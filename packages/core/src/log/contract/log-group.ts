/** Callbacks of a group member. The log never calls two of them at the same time, except that `lost` can come at any time. */
export interface GroupMember {
  /** Assigns tasks to the member. `tasks` is the whole assignment, including tasks that the member already owns. */
  assigned(tasks: readonly number[]): void
  /**
   * Revokes tasks. The group assigns them to no other member before the promise resolves; by then the member has stopped
   * them.
   */
  revoked(tasks: readonly number[]): Promise<void>
  /** The group removed the member, or the member cannot verify that it did not. All tasks stop immediately, without a commit. */
  lost(): void
  /** @returns the tasks that the member owns now, so that the assignor can leave them where they are */
  ownedTasks(): readonly number[]
  /** The membership failed and cannot continue. */
  failed(error: Error): void
}

/** The membership of one member in a group. */
export interface Membership {
  /**
   * Verifies the membership with the group. Every call sends a new request.
   *
   * @returns `'member'`: when the request was sent, the member belonged to the group and its assignment was current.
   * `'rebalancing'`: wait for the next call of `assigned`. `'lost'`: the member no longer belongs to the group.
   */
  verify(): Promise<'member' | 'rebalancing' | 'lost'>
  /** Leaves the group. Idempotent. */
  leave(): Promise<void>
}

/** Layer 3: distributing tasks among the instances of an application. */
export interface LogGroup {
  /**
   * How long the group waits for a member that is silent, in milliseconds, before it assigns the member's tasks to others.
   * An application is not ready once a task has not run for this long.
   * @defaultValue 10 000
   */
  readonly sessionTimeoutMs?: number
  /**
   * Joins a group.
   *
   * @param group the name of the application
   * @param topics the inputs, which have equal partition counts: task p processes partition p of each of them
   * @returns the membership, once the group has accepted the member
   */
  join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership>
}
