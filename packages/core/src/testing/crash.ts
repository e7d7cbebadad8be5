import type { App } from '../app/app.js'
import { RunningApp } from '../app/running-app.js'

/**
 * Ends an application as a crash of its process would: nothing is committed on its way out, running calls are not waited
 * for, and nothing of them is told any more. Its `closed` resolves. What is different from a process that was killed: a
 * user's function that is running goes on until it settles, and the group knows at once that the member has gone.
 *
 * @throws TypeError if `run` did not make it
 *
 * @example
 * ```ts
 * await crash(app)
 * await using again = await run(notify, { application: 'docs', log })
 * await again.ready
 * ```
 */
export async function crash(app: App): Promise<void> {
  if (!(app instanceof RunningApp)) throw new TypeError('crash ends only an application that run has made')
  await app.abandon()
}
