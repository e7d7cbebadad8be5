import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { bundle } from '../../../testbed/src/bundle.js'

/** The part of esbuild's API that is used. */
interface Build {
  onResolve(options: { readonly filter: RegExp }, found: () => { readonly path: string; readonly external: true }): void
}

/** lmdb has a native part, so it is not bundled. */
const lmdbFromHere = {
  name: 'lmdb-from-here',
  setup: (build: Build) => {
    const path = createRequire(import.meta.url).resolve('lmdb')
    build.onResolve({ filter: /^lmdb$/ }, () => ({ path, external: true }))
  },
}

/** @returns a bundled program of `fixtures/`, to run as a separate process */
export function program(name: string): Promise<string> {
  return bundle(new URL(`../fixtures/${name}.ts`, import.meta.url).pathname, [lmdbFromHere])
}

/** The exit status and the output of a process. */
export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** Runs a program until it ends, with a command as a prefix if one is given. */
export function runProgram(
  file: string,
  env: Readonly<Record<string, string>>,
  by: readonly string[] = [],
): Promise<Ended> {
  const [command = process.execPath, ...args] = [...by, process.execPath, file]
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    output += data
  })
  child.stderr.setEncoding('utf8').on('data', (data: string) => {
    errors += data
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, lines: output.split('\n').slice(0, -1), errors }))
  })
}
