import { describe, it } from 'vitest'
import { memoryLog, memoryStores } from '../../src/index.js'
import { logSuite, stateStoreSuite } from '../../src/testing.js'

stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores(), { durable: false, shared: false })

let names = 0
logSuite({ describe, it }, 'memoryLog', () => {
  const topics = Object.fromEntries(
    [1, 2, 3, 4].flatMap((partitions) =>
      ['compact', 'delete'].map((cleanup) => [`${cleanup}-${partitions}`, { partitions, cleanup } as const]),
    ),
  )
  return {
    log: memoryLog({ topics: topics as never }),
    createTopic: async ({ partitions, compact }) => `${compact ? 'compact' : 'delete'}-${partitions}`,
    application: () => `application-${++names}`,
  }
})
