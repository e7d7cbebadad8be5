import type { App } from '../app/app.js'
import { RunningApp } from '../app/running-app.js'

/**
 * Stops an application as if its process had crashed: it commits nothing more, does not wait for running calls, and does not
 * report their outcomes. Its `closed` resolves. There are two differences to a process that is killed: a user function that
 * is running continues until it settles, and the group is notified immediately that the member has left.
 *
 * @throws TypeError if the application was not created by `run`
 *
 * @example
 * ```ts
 * await crash(app)
 * await using restarted = await run(notify, { application: 'docs', log })
 * await restarted.ready
 * ```
 */
export async function crash(app: App): Promise<void> {
  if (!(app instanceof RunningApp)) throw new TypeError('crash accepts only an application that run has created')
  await app.crash()
}
