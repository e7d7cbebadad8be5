import assert from 'node:assert/strict'
import { join } from 'node:path'
import { formatWithOptions } from 'node:util'
import ts from 'typescript'
import { expect } from 'vitest'
import * as core from '../../src/index.js'
import * as log from '../../src/log.js'
import * as openmetrics from '../../src/openmetrics.js'
import * as operator from '../../src/operator.js'
import * as store from '../../src/store.js'
import * as testing from '../../src/testing.js'
import type { PreparedBlock } from './compile-blocks.js'
import { openPrelude } from './prelude.js'

/** Modules by the name under which blocks import them. */
export type Modules = Readonly<Record<string, unknown>>

/** Long enough for an application to start and to do what it finds. */
const SHUTDOWN_MS = 200

type Body = () => unknown

/** Runs a block as a module, and the tests that it registers. What it logs has to be what the comments beside say. */
export async function runBlock(
  prepared: PreparedBlock,
  all: readonly PreparedBlock[],
  modules: Modules = {},
  rewrite: (code: string) => string = (code) => code,
): Promise<void> {
  const tests: (readonly [name: string, body: Body])[] = []
  const runner = {
    describe: (_: string, body: Body) => body(),
    it: (name: string, body: Body) => tests.push([name, body]),
    test: (name: string, body: Body) => tests.push([name, body]),
  }
  const known: Modules = {
    '@joinery/core': { ...core, shutdownSignal: () => AbortSignal.timeout(SHUTDOWN_MS) },
    '@joinery/core/log': log,
    '@joinery/core/openmetrics': openmetrics,
    '@joinery/core/operator': operator,
    '@joinery/core/store': store,
    '@joinery/core/testing': testing,
    'node:test': runner,
    vitest: { ...runner, expect },
    ...modules,
  }
  const logged: string[] = []
  const console = { log: (...args: unknown[]) => logged.push(formatWithOptions({ breakLength: 200 }, ...args)) }
  await using prelude = await openPrelude(prepared.prelude)
  const load = async ({ path, code }: PreparedBlock): Promise<unknown> => {
    const { outputText } = ts.transpileModule(rewrite(code), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
    })
    const required = new Map<string, unknown>()
    for (const [, name = ''] of outputText.matchAll(/require\("([^"]+)"\)/g)) {
      const sibling = all.find((other) => other.path === join(path, '..', name.replace(/\.js$/, '.ts')))
      required.set(name, name in known ? known[name] : sibling ? await load(sibling) : await import(name))
    }
    const exports = {}
    const run = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor
    const body = run('require', 'exports', '$prelude', 'console', `${outputText}\n//# sourceURL=${path}`)
    await body((name: string) => required.get(name), exports, prelude, console)
    return exports
  }
  await load(prepared)
  for (const [name, body] of tests) {
    try {
      await body()
    } catch (cause) {
      throw new Error(`${name}: ${String(cause)}`, { cause })
    }
  }
  assert.deepEqual(expectedOf(prepared, logged), logged)
}

/** What the comments behind `console.log(…)` say; all that was logged where there are none. */
function expectedOf({ block }: PreparedBlock, logged: readonly string[]): readonly string[] {
  const said = [...block.code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text as string)
  return said.length === 0 ? logged : said
}
