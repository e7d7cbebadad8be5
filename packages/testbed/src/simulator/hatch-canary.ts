import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../bundle.js'
import type { Canary } from './canaries.js'

const CORE = fileURLToPath(new URL('../../../core/src/', import.meta.url))
const MAIN = fileURLToPath(new URL('../../src/simulator/main.ts', import.meta.url))

/** What is used of an esbuild plugin's set-up. */
interface PluginBuild {
  onLoad(
    options: { readonly filter: RegExp },
    load: (file: {
      readonly path: string
    }) => Promise<{ readonly contents: string; readonly loader: 'ts' } | undefined>,
  ): void
}

/** Makes the simulator as a program of its own, with one mistake in the runtime if a canary is given. */
export async function hatch(canary?: Canary): Promise<string> {
  if (canary === undefined) return bundle(MAIN)
  const path = CORE + canary.file.replaceAll('/', sep)
  const source = await readFile(path, 'utf8')
  const places = source.split(canary.find).length - 1
  if (places !== 1) throw new Error(`canary "${canary.name}": its place occurs ${places} times in ${canary.file}`)
  const contents = source.replace(canary.find, () => canary.replace)
  const plugin = {
    name: 'canary',
    setup(build: PluginBuild) {
      build.onLoad({ filter: /\.ts$/ }, async (file) => (file.path === path ? { contents, loader: 'ts' } : undefined))
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
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      const found = /^seed (\d+):/m.exec(output)
      resolve({ caught: code !== 0, seed: found === null ? undefined : Number(found[1]), output })
    })
  })
}
