import { writeSync } from 'node:fs'
import type { Failpoint } from './names.js'

/** `name@count` or `name/api@count`, followed by a signal other than SIGKILL: `commit.begun@3:SIGSTOP`. */
const PATTERN = /^([a-z.-]+)(?:\/(\d+))?@(\d+)(?::(SIG[A-Z]+))?$/
const STDOUT = 1

/** Signals this process when it reaches the failpoint for the nth time, after printing a line about it. */
export const failpoint: (name: Failpoint, api?: number) => void = arm(process.env.JOINERY_FAILPOINT ?? '')

function arm(setting: string): (name: Failpoint, api?: number) => void {
  if (setting === '') return () => {}
  const [, armed, armedApi, nth, signal = 'SIGKILL'] = PATTERN.exec(setting) ?? []
  if (armed === undefined) throw new Error(`JOINERY_FAILPOINT is "${setting}": use name@count or name/api@count`)
  let remaining = Number(nth)
  return (name, api) => {
    if (name !== armed || (armedApi !== undefined && api !== Number(armedApi)) || --remaining !== 0) return
    writeSync(STDOUT, `${JSON.stringify({ failpoint: setting })}\n`)
    process.kill(process.pid, signal)
  }
}
