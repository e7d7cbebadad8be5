/** A mistake that somebody could make: one place of the runtime, written wrongly. */
export interface Canary {
  readonly name: string
  /** Below packages/core/src. */
  readonly file: string
  /** Occurs exactly once. */
  readonly find: string
  readonly replace: string
}

/** Each of these has to be caught by the simulator. */
export const CANARIES: readonly Canary[] = [
  {
    name: 'state is not committed with the position',
    file: 'runtime/committer.ts',
    find: 'changelog: [...work.changelog, { key: POSITION_KEY, value: position }]',
    replace: 'changelog: [{ key: POSITION_KEY, value: position }]',
  },
  {
    name: 'outputs are not committed with the position',
    file: 'runtime/committer.ts',
    find: 'outputs: work.outputs,',
    replace: 'outputs: work.outputs.slice(1),',
  },
  {
    name: 'an unclear commit is taken for a commit',
    file: 'runtime/committer.ts',
    find: "if (result.outcome !== 'committed') return 'reopen'",
    replace:
      "if (result.outcome === 'unclear') return 'committed'\n    if (result.outcome !== 'committed') return 'reopen'",
  },
  {
    name: 'a fenced commit is taken for a commit',
    file: 'runtime/committer.ts',
    find: "if (result.outcome !== 'committed') return 'reopen'",
    replace:
      "if (result.outcome === 'fenced') return 'committed'\n    if (result.outcome !== 'committed') return 'reopen'",
  },
  {
    name: 'a rejected commit is taken for a commit',
    file: 'runtime/committer.ts',
    find: "if (result.outcome !== 'committed') return 'reopen'",
    replace:
      "if (result.outcome === 'rejected') return 'committed'\n    if (result.outcome !== 'committed') return 'reopen'",
  },
  {
    name: 'the committed offset is ahead of the state',
    file: 'runtime/committer.ts',
    find: 'next: offset },',
    replace: 'next: offset + 1 },',
  },
  {
    name: 'two commits are in flight at once',
    file: 'runtime/task.ts',
    find: 'if (this.#committing !== undefined || work.since === undefined) return',
    replace: 'if (work.since === undefined) return',
  },
  {
    name: 'a store is opened without replay',
    file: 'runtime/task-store.ts',
    find: 'return position.at\n',
    replace: 'return limit\n',
  },
  {
    name: 'stores that did not follow for long are trusted',
    file: 'runtime/store-position.ts',
    find: 'return Math.abs(now - fresh) <= deleteRetentionMs / 2',
    replace: 'return Math.abs(now - fresh) <= Number.MAX_VALUE * deleteRetentionMs',
  },
  {
    name: 'a store without a position is taken for empty',
    file: 'runtime/task-store.ts',
    find: "await this.#attempt.run('be cleared', () => this.#store.clear())",
    replace: "if (this.#store.position !== undefined) await this.#attempt.run('be cleared', () => this.#store.clear())",
  },
  {
    name: 'older changes are given to a store that is ahead',
    file: 'runtime/restore.ts',
    find: 'offset >= (startOf.get(store) as number)',
    replace: 'offset >= 0 && startOf.size > 0',
  },
  {
    name: 'the changelog is read to its first batch only',
    file: 'runtime/restore.ts',
    find: 'if (batch.next >= to) return',
    replace: 'if (batch.next >= 0) return',
  },
  {
    name: 'the first position wins',
    file: 'runtime/restore.ts',
    find: 'position = decodePosition(record.value)',
    replace: 'position ??= decodePosition(record.value)',
  },
  {
    name: 'inputs are read from their beginning after a restart',
    file: 'runtime/start-of.ts',
    find: 'return position?.inputs[at.topic]?.next ?? (await source.earliest(at))',
    replace: 'return position === undefined ? source.earliest(at) : source.earliest(at)',
  },
  {
    name: 'totals begin anew after a restart',
    file: 'runtime/task-state.ts',
    find: 'const totals = position?.totals[pipeline.name]',
    replace: "const totals = position?.totals[pipeline.name + '?']",
  },
  {
    name: 'waiting events are not restored',
    file: 'runtime/task-state.ts',
    find: "if (key.kind === 'waiter') found.push",
    replace: "if (key.kind === 'owner') found.push",
  },
  {
    name: 'the overlay of a commit in flight is dropped early',
    file: 'runtime/processor.ts',
    find: 'return [this.work, this.inFlight]',
    replace: 'return [this.work, undefined]',
  },
  {
    name: 'a tombstone does not delete',
    file: 'runtime/record-processor.ts',
    find: 'work.put(plan.topic, { key, value, ...(row && { row }) })',
    replace: 'if (row !== undefined) work.put(plan.topic, { key, value, row })',
  },
  {
    name: 'records before a full waiting room are passed over',
    file: 'runtime/processor.ts',
    find: 'pipeline.input.advance(consumed)',
    replace: 'pipeline.input.advance(Math.max(consumed, records.length))',
  },
  {
    name: 'an event expires though its table was not read to the end',
    file: 'runtime/end-proofs.ts',
    find: 'if (end !== undefined && table.input.next >= end) {',
    replace: 'if (end !== undefined && (table.isLoaded || table.input.next >= end)) {',
  },
  {
    name: 'a waiting event is not written down',
    file: 'join/join-operator.ts',
    find: 'effects.change(stateKey, stored)',
    replace: 'if (record.offset < 0) effects.change(stateKey, stored)',
  },
  {
    name: 'an event that went is not forgotten',
    file: 'join/join-operator.ts',
    find: 'effects.change(waiterKey(this.plan.name, waiter.record.offset), null)',
    replace: 'if (waiter.record.offset < 0) effects.change(waiterKey(this.plan.name, waiter.record.offset), null)',
  },
  {
    name: 'an event overtakes those of its key that wait',
    file: 'join/join-operator.ts',
    find: 'if (head !== undefined) {',
    replace: 'if (head !== undefined && record.offset < 0) {',
  },
  {
    name: 'a wake does not look at the events behind the first',
    file: 'join/join-operator.ts',
    find: '      this.#settle(waiter.record, verdict, now - waiter.arrival, now, effects)\n',
    replace: '      this.#settle(waiter.record, verdict, now - waiter.arrival, now, effects)\n      return\n',
  },
  {
    name: 'deadlines count from the timestamp of the event',
    file: 'join/join-operator.ts',
    find: 'const stored = encodeWaiter(record, now)',
    replace: 'const stored = encodeWaiter(record, (now = Math.min(now, record.timestamp)))',
  },
]
