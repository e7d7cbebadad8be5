export { ManualClock } from './testing/manual-clock.js'
export { type DeadMessage, type TestDriver, type TestDriverOptions, testDriver } from './testing/test-driver.js'
