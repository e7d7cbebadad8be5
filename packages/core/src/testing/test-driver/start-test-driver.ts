import type { Guarantee } from '../../log/contract.js'
import type { Pipeline } from '../../pipeline/pipeline.js'
import { planApplication } from '../../pipeline/plan.js'
import { checkOptionNames } from '../../unknown-options.js'
import { APPLICATION, RunningDriver } from './running-driver.js'
import type { TestDriver } from './test-driver.js'
import type { TestDriverOptions } from './test-driver-options.js'

const TEST_DRIVER_OPTIONS: Readonly<Record<keyof TestDriverOptions, true>> = {
  now: true,
  partitions: true,
  stores: true,
  cache: true,
  guarantee: true,
  log: true,
  onEvent: true,
}

/**
 * Runs pipelines in a test, without a broker and without waiting for time to pass.
 *
 * @returns the driver, once the application is running
 * @throws JoineryError `PIPELINE_INVALID` as `run` does, `OPTION_INVALID`
 *
 * @example
 * ```ts
 * await using driver = await testDriver(notify)
 * await driver.produce(productActivation, { key: 'p1', value: { productId: 'p1' } })
 * await driver.restart('crash')
 * await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
 * assert.deepEqual(driver.consume(notifications).map(({ value }) => value), [{ productId: 'p1', externalId: 'x1' }])
 * ```
 */
export async function testDriver<G extends Guarantee>(
  pipelines: Pipeline | readonly Pipeline[],
  options: TestDriverOptions<G> = {},
): Promise<TestDriver> {
  checkOptionNames('testDriver', options, TEST_DRIVER_OPTIONS)
  const driver = new RunningDriver(planApplication(APPLICATION, pipelines, options.guarantee), options)
  await driver.start()
  return driver
}
