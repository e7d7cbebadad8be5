import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** The part of esbuild that is used here. tsup installs it. */
interface Esbuild {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>
}

/**
 * Bundles a TypeScript file with everything that it imports into one program that any Node can run. The condition
 * `joinery:failpoints` enables failpoints.
 */
export async function bundle(
  entry: string,
  plugins: readonly unknown[] = [],
  conditions: readonly string[] = [],
): Promise<string> {
  const require = createRequire(import.meta.url)
  const { build }: Esbuild = createRequire(require.resolve('tsup'))('esbuild')
  const folder = await mkdtemp(join(tmpdir(), 'joinery-program-'))
  const outfile = join(folder, `${basename(entry).replace(/\.ts$/, '')}.cjs`)
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    conditions: ['joinery:source', ...conditions],
    logLevel: 'silent',
    plugins,
  })
  return outfile
}
