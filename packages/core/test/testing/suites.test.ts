import { describe, it } from 'vitest'
import { memoryStores } from '../../src/index.js'
import { logSuite, stateStoreSuite } from '../../src/testing.js'
import { memoryLogFixture } from './memory-log-fixture.js'

stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores(), { durable: false, shared: false })

logSuite({ describe, it }, 'memoryLog', memoryLogFixture)
