import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '../contract.js'
import type { MemoryTopics } from './memory-topics.js'

interface Task {
  owner: number
  saved: ReadonlyMap<string, OffsetAndMetadata>
}

/** Offsets in memory. Only the latest owner of a task can save. */
export class MemoryOffsets implements LogOffsets {
  readonly #topics: MemoryTopics
  readonly #tasks = new Map<string, Task>()

  constructor(topics: MemoryTopics) {
    this.#topics = topics
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskOffsets> {
    const id = `${application}/${task}`
    const shared: Task = this.#tasks.get(id) ?? { owner: 0, saved: new Map() }
    this.#tasks.set(id, shared)
    const owner = ++shared.owner
    return {
      saved: shared.saved,
      save: async (offsets) => {
        if (shared.owner !== owner) return 'fenced'
        shared.saved = offsets
        for (const [topic, { offset }] of offsets) this.#topics.get(topic).setPosition(application, task, offset)
        this.#topics.positionsChanged()
        return 'saved'
      },
    }
  }
}
