import { readFileSync } from 'node:fs'

/** What the document says of a crash point. */
export interface CrashRow {
  /** `C0` and so on. */
  readonly point: string
  readonly what: string
  /** How many requests the service can have seen. */
  readonly requests: readonly number[]
  /** What becomes of the call. */
  readonly found: string
}

const ROW = /^\| (C\d+[a-z]?) +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm

/** The tables of crash points in docs/call-once.md: what the tests expect. */
export function crashTable(): readonly CrashRow[] {
  const text = readFileSync(new URL('../../../../docs/call-once.md', import.meta.url), 'utf8')
  return [...text.matchAll(ROW)].map(([, point = '', what = '', requests = '', found = '']) => ({
    point,
    what,
    requests: requests.split(' or ').map(Number),
    found,
  }))
}
