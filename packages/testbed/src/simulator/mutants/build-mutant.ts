import { fileURLToPath } from 'node:url'
import { bundle } from '../../bundle.js'
import type { Mutant } from './mutant.js'
import { mutatedSources } from './mutated-sources.js'

// in dist, the program is as many folders deep as its source
const MAIN = fileURLToPath(new URL('../../../src/simulator/main.ts', import.meta.url))

/** The part of an esbuild plugin's set-up that is used here. */
interface PluginBuild {
  onLoad(
    options: { readonly filter: RegExp },
    load: (file: {
      readonly path: string
    }) => Promise<{ readonly contents: string; readonly loader: 'ts' } | undefined>,
  ): void
}

/**
 * Builds the simulator as a separate program, without seeded bugs.
 *
 * @returns the path of the program
 */
export function buildOriginal(): Promise<string> {
  return bundle(MAIN)
}

/**
 * Builds the simulator as a separate program, with one seeded bug.
 *
 * @returns the path of the program
 * @throws Error if an edit of the mutant does not apply exactly once
 */
export async function buildMutant(mutant: Mutant): Promise<string> {
  const { sources, stale } = await mutatedSources(mutant)
  if (stale.length > 0) throw new Error(stale.join('\n'))
  const plugin = {
    name: 'mutant',
    setup(build: PluginBuild) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const contents = sources.get(path)
        return contents === undefined ? undefined : { contents, loader: 'ts' }
      })
    },
  }
  return bundle(MAIN, [plugin])
}
