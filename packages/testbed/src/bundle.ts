import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** What is used of esbuild, which tsup brings. */
interface Esbuild {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>
}

/**
 * Makes one program of a TypeScript file and all that it imports, so that any Node can run it as a process of its own.
 * The condition `joinery:failpoints` arms failpoints.
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
