import type { Guarantee } from '../log/contract.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { planApplication } from '../pipeline/plan.js'
import { checkOptionNames } from '../unknown-options.js'
import type { App } from './app.js'
import { chooseGuarantee } from './guarantee.js'
import type { RunOptions } from './run-options.js'
import { RunningApp } from './running-app.js'

const RUN_OPTIONS: Readonly<Record<keyof RunOptions, true>> = {
  application: true,
  log: true,
  guarantee: true,
  stores: true,
  cache: true,
  maxTableBytes: true,
  commitEvery: true,
  maxIdle: true,
  stalledAfter: true,
  randomBytes: true,
  claimant: true,
  clock: true,
  signal: true,
  onEvent: true,
}

/**
 * Runs pipelines until the application is closed or fails.
 *
 * @returns the application, once the group is joined; `app.ready` resolves once tasks are running, and a later failure rejects
 * `app.closed`
 * @throws JoineryError `PIPELINE_INVALID`, `OPTION_INVALID`, `TOPIC_MISSING`, `TOPIC_UNSUITABLE`, `PARTITIONS_CHANGED`,
 * `NOT_AUTHORIZED`, `LOG_FAILED`; `APP_CLOSED` if the signal is aborted before the group is joined. Nothing has been
 * processed then
 *
 * @example
 * ```ts
 * const log = memoryLog()
 * await using app = await run(notify, { application: 'service-a', log, signal: shutdownSignal() })
 * await app.closed
 * ```
 */
export async function run<G extends Guarantee>(
  what: Pipeline | readonly Pipeline[],
  options: RunOptions<G>,
): Promise<App> {
  const guarantee = chooseGuarantee(options?.log, options?.guarantee)
  checkOptionNames('run', options, RUN_OPTIONS)
  const app = new RunningApp(planApplication(options.application, what, guarantee), options)
  await app.start()
  return app
}
