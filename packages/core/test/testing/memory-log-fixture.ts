import { type Guarantee, type Log, memoryLog } from '../../src/index.js'
import type { LogFixture } from '../../src/testing.js'

const RETAIN = 20_000
/** The most topics of one kind that a test creates. */
const TOPICS = 4

/** An in-memory log that deletes old records. */
export function memoryLogFixture(): LogFixture & { readonly log: Log<Guarantee> } {
  const topics = Object.fromEntries(
    [1, 2, 3, 4].flatMap((partitions) =>
      (['compact', 'delete'] as const).flatMap((cleanup) =>
        Array.from({ length: TOPICS }, (_, i) => [`${cleanup}-${partitions}-${i}`, { partitions, cleanup }] as const),
      ),
    ),
  )
  const log = memoryLog({ topics, retain: { records: RETAIN } })
  let names = 0
  let created = 0
  return {
    log,
    createTopic: async ({ partitions, compact }) => `${compact ? 'compact' : 'delete'}-${partitions}-${created++}`,
    application: () => `application-${++names}`,
    async deleteRecords({ topic, partition }, offset) {
      const filler = { topic, partition, key: null, value: null, timestamp: 0, headers: [] }
      // records are deleted before the next append
      await log.sink.append(Array.from({ length: RETAIN + offset }, () => filler))
      await log.sink.append([filler])
    },
  }
}
