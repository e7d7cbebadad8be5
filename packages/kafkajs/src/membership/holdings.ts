/** A member in one generation of its group. */
export interface MemberGeneration {
  readonly memberId: string
  readonly generationId: number
}

/** A task in the hands of a member; the same object for as long as it stays there. */
export interface Holding {
  /** In whose name its offsets are saved: the member, in the generation that has assigned it last. `undefined` once it is gone. */
  member: MemberGeneration | undefined
}

/** The tasks of one member. */
export class Holdings {
  #held: ReadonlyMap<number, Holding> = new Map()

  get(task: number): Holding | undefined {
    return this.#held.get(task)
  }

  /** The group has assigned these tasks. Those that were here already go on in the new generation. */
  assign(tasks: readonly number[], member: MemberGeneration | undefined): void {
    const before = this.#held
    this.#held = new Map(tasks.map((task) => [task, before.get(task) ?? { member }]))
    for (const [task, holding] of before) if (!this.#held.has(task)) holding.member = undefined
    for (const holding of this.#held.values()) holding.member = member
  }

  /** Nothing is this member's any more, until the group assigns it anew. */
  lose(): void {
    this.assign([], undefined)
  }
}
