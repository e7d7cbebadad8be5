import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../bundle.js'
import type { Canary, Edit } from './canary.js'

// the program lies as deep as its source
const PACKAGES = fileURLToPath(new URL('../../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../src/simulator/main.ts', import.meta.url))

/** What is used of an esbuild plugin's set-up. */
interface PluginBuild {
  onLoad(
    options: { readonly filter: RegExp },
    load: (file: {
      readonly path: string
    }) => Promise<{ readonly contents: string; readonly loader: 'ts' } | undefined>,
  ): void
}

/**
 * The sources that a canary changes, by their paths, as it changes them.
 *
 * @throws Error if one of its places is not there exactly once: the code has changed, and the canary has to follow
 */
export async function editedSources({ name, edits }: Canary): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const path = pathOf({ file })
    const source = sources.get(path) ?? (await readFile(path, 'utf8'))
    const places = source.split(find).length - 1
    if (places !== 1) throw new Error(`canary "${name}": "${find}" occurs ${places} times in ${file}`)
    sources.set(
      path,
      source.replace(find, () => replace),
    )
  }
  return sources
}

const pathOf = ({ file }: Pick<Edit, 'file'>): string => PACKAGES + file.replaceAll('/', sep)

/** Makes the simulator as a program of its own, with one mistake in it if a canary is given. */
export async function hatch(canary?: Canary): Promise<string> {
  if (canary === undefined) return bundle(MAIN)
  const sources = await editedSources(canary)
  const plugin = {
    name: 'canary',
    setup(build: PluginBuild) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const contents = sources.get(path)
        return contents === undefined ? undefined : { contents, loader: 'ts' }
      })
    },
  }
  return bundle(MAIN, [plugin])
}

/** What a run of the simulator printed, and whether it found something. */
export interface Flight {
  readonly caught: boolean
  /** The first seed that found it. */
  readonly seed: number | undefined
  readonly output: string
}

/** Runs a program of {@link hatch}. One that does not come to its end in time has caught something, too. */
export function fly(program: string, args: readonly string[], timeoutMs: number): Promise<Flight> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const take = (text: Buffer) => {
      output += text.toString()
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (signal !== null && !isLate) reject(new Error(`somebody has ended a run with ${signal}`))
      const found = /^seed (\d+):/m.exec(output)
      resolve({ caught: code !== 0, seed: found === null ? undefined : Number(found[1]), output })
    })
  })
}
