import type { LogOffsets } from '../../src/log.js'

/** Offsets in memory. Only the latest owner of a task can save. */
export function offsetsInMemory(): LogOffsets {
  const saved = new Map<string, Awaited<ReturnType<LogOffsets['open']>>['saved']>()
  const owners = new Map<string, number>()
  return {
    async open({ application, task }) {
      const id = `${application}/${task}`
      const owner = (owners.get(id) ?? 0) + 1
      owners.set(id, owner)
      return {
        saved: saved.get(id) ?? new Map(),
        async save(offsets) {
          if (owners.get(id) !== owner) return 'fenced'
          saved.set(id, offsets)
          return 'saved'
        },
      }
    },
  }
}
