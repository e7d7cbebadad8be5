import { writeSync } from 'node:fs'
import type { Failpoint } from './names.js'

/** `name@times`, or `name/api@times`; then what to do there, if it is not SIGKILL: `commit.begun@3:SIGSTOP`. */
const ORDER = /^([a-z.-]+)(?:\/(\d+))?@(\d+)(?::(SIG[A-Z]+))?$/
const STDOUT = 1

/** Signals this process when it comes by for the nth time. It says so first, on a line of its own. */
export const failpoint: (name: Failpoint, api?: number) => void = arm(process.env.JOINERY_FAILPOINT ?? '')

function arm(order: string): (name: Failpoint, api?: number) => void {
  if (order === '') return () => {}
  const [, wanted, wantedApi, nth, signal = 'SIGKILL'] = ORDER.exec(order) ?? []
  if (wanted === undefined) throw new Error(`JOINERY_FAILPOINT is "${order}", not name@times or name/api@times`)
  let left = Number(nth)
  return (name, api) => {
    if (name !== wanted || (wantedApi !== undefined && api !== Number(wantedApi)) || --left !== 0) return
    writeSync(STDOUT, `${JSON.stringify({ failpoint: order })}\n`)
    process.kill(process.pid, signal)
  }
}
