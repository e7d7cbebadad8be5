import type { Guarantee } from '../log/contract.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { planApplication } from '../pipeline/plan.js'
import type { App } from './app.js'
import { chooseGuarantee } from './guarantee.js'
import type { RunOptions } from './run-options.js'
import { RunningApp } from './running-app.js'

/**
 * Runs pipelines until they are closed or fail.
 *
 * Resolves once the group is joined; `app.ready` tells when tasks run. What goes wrong later rejects `app.closed`.
 *
 * @throws JoineryError `PIPELINE_INVALID`, `OPTION_INVALID`, `TOPIC_MISSING`, `TOPIC_UNSUITABLE`, `PARTITIONS_CHANGED`,
 * `NOT_AUTHORIZED`, `LOG_FAILED`, or `APP_CLOSED` for a signal that was aborted already, before anything is processed
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
  const app = new RunningApp(planApplication(options.application, what, guarantee), options)
  await app.start()
  return app
}
