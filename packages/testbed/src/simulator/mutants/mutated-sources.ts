import { readFile } from 'node:fs/promises'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutant.js'

// in dist, the program is as many folders deep as its source
const PACKAGES = fileURLToPath(new URL('../../../../', import.meta.url))

/** The sources with the edits of a mutant. */
export interface MutatedSources {
  /** The changed sources by their absolute paths. */
  readonly sources: ReadonlyMap<string, string>
  /** One line for each edit that does not apply, because the code has changed since the mutant was written. */
  readonly stale: readonly string[]
}

/**
 * Applies the edits of a mutant to the sources in memory; the files stay as they are.
 *
 * @returns the sources, and every edit that does not apply
 */
export async function mutatedSources({ name, edits }: Mutant): Promise<MutatedSources> {
  const sources = new Map<string, string>()
  const stale: string[] = []
  for (const { file, find, replace } of edits) {
    const path = PACKAGES + file.replaceAll('/', sep)
    const source = sources.get(path) ?? (await readFile(path, 'utf8').catch(() => undefined))
    if (source === undefined) {
      stale.push(`${name}: there is no file ${file}`)
      continue
    }
    const count = source.split(find).length - 1
    if (count !== 1) stale.push(`${name}: found ${count} times in ${file}: ${JSON.stringify(find)}`)
    sources.set(
      path,
      source.replace(find, () => replace),
    )
  }
  return { sources, stale }
}
