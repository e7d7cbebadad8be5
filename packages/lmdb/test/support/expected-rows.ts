import type { Change } from '@joinery/core/store'

const KEYS = 400
/** Each commit changes one in this many keys. */
const STRIDE = 3
/** One in this many changes is a deletion. */
const DELETES = 5

const keyOf = (i: number): Buffer => Buffer.from(i % 50 === 7 ? `long-${'k'.repeat(3_000)}-${i}` : `key-${i}`)

/** Sizes from zero to several pages. */
const valueAt = (i: number, commit: number): Buffer =>
  Buffer.alloc((i * 131 + commit * 17) % (i % 40 === 3 ? 20_000 : 700), `${commit}:${i};`)

const isChanged = (i: number, commit: number): boolean => (i + commit) % STRIDE === 0
const isDelete = (i: number, commit: number): boolean => (i * 7 + commit) % DELETES === 0

/** @returns the changes of a commit; commits are numbered from 1 */
export function changesOf(commit: number): Change[] {
  return Array.from({ length: KEYS }, (_, i) => i)
    .filter((i) => isChanged(i, commit))
    .map((i) => ({ key: keyOf(i), value: isDelete(i, commit) ? null : valueAt(i, commit) }))
}

/** @returns the rows after a number of commits, by key in latin1 */
export function rowsAfter(commits: number): Map<string, string> {
  const rows = new Map<string, string>()
  for (let i = 0; i < KEYS; i++) {
    let last = commits
    while (last > 0 && !isChanged(i, last)) last--
    if (last > 0 && !isDelete(i, last)) rows.set(keyOf(i).toString('latin1'), valueAt(i, last).toString('latin1'))
  }
  return rows
}
