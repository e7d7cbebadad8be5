import { readFileSync } from 'node:fs'

/** A crash point in the document. */
export interface CrashRow {
  /** `C0` and so on. */
  readonly point: string
  readonly what: string
  /** The possible numbers of requests that the service received. */
  readonly requests: readonly number[]
  /** The outcome of the call. */
  readonly found: string
}

const ROW = /^\| (C\d+[a-z]?) +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm

/** The tables of crash points in docs/call-once.md, which the tests expect. */
export function crashTable(): readonly CrashRow[] {
  const text = readFileSync(new URL('../../../../docs/call-once.md', import.meta.url), 'utf8')
  return [...text.matchAll(ROW)].map(([, point = '', what = '', requests = '', found = '']) => ({
    point,
    what,
    requests: requests.split(' or ').map(Number),
    found,
  }))
}
