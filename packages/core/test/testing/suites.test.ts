import { describe, it } from 'vitest'
import { memoryStores } from '../../src/index.js'
import { composeLog } from '../../src/log.js'
import { logSuite, stateStoreSuite } from '../../src/testing.js'
import { memoryLogFixture } from './memory-log-fixture.js'
import { offsetsInMemory } from './offsets-in-memory.js'

stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores(), { durable: false, shared: false })

for (const onFull of ['halt', 'evict-and-lose-rows'] as const)
  stateStoreSuite(
    { describe, it },
    `memoryStores below maxRows (${onFull})`,
    () => memoryStores({ maxRows: 20_000, onFull }),
    {
      durable: false,
      shared: false,
    },
  )

logSuite({ describe, it }, 'memoryLog', memoryLogFixture)

logSuite(
  { describe, it },
  'a composed log without transactions',
  () => {
    const { log, ...fixture } = memoryLogFixture()
    return { ...fixture, log: composeLog({ source: log.source, sink: log.sink, offsets: offsetsInMemory() }) }
  },
  { guarantees: ['at-least-once'], shared: false },
)
