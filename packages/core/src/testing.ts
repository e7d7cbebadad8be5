export { crash } from './testing/crash.js'
export { type CommitFault, faultyLog, type LogFaults } from './testing/faulty-log.js'
export { faultyStores, type StoreFaults } from './testing/faulty-stores.js'
export { type InputOrder, inputOrder, type TakenRecord } from './testing/input-order.js'
export {
  joinOracle,
  type OracleAnswer,
  type OracleJoin,
  type OracleOutcome,
  type OracleStep,
  type OracleWait,
} from './testing/join-oracle.js'
export { type LogSuiteOptions, logSuite } from './testing/log-suite/log-suite.js'
export type { LogFixture } from './testing/log-suite/log-trial.js'
export { ManualClock } from './testing/manual-clock.js'
export { type StateStoreSuiteOptions, stateStoreSuite } from './testing/store-suite/state-store-suite.js'
export type { TestApi } from './testing/test-api.js'
export {
  type DeadLetterRecord,
  type TestDriver,
  type TestDriverOptions,
  testDriver,
} from './testing/test-driver.js'
