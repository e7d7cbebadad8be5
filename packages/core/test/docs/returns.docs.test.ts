import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { ROOT } from './code-blocks.js'
import { lacksReturns } from './missing-returns.js'
import { publicFunctions } from './public-functions.js'

const SOURCES = /\/packages\/(core|kafkajs|lmdb|redis)\/src\//

const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)

/** The sources that users import: every path of `exports` but the manifest. */
const entries = ['core', 'kafkajs', 'lmdb', 'redis'].flatMap((name) => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'))
  return Object.values<string | { readonly 'joinery:source': string }>(manifest.exports)
    .filter((path) => typeof path !== 'string')
    .map((path) => join(ROOT, 'packages', name, path['joinery:source']))
})

it('every public function that returns something has @returns', () => {
  const program = ts.createProgram(entries, options)
  const functions = publicFunctions(program, entries, (file) => SOURCES.test(file))
  const lacking = functions.filter((each) => lacksReturns(program.getTypeChecker(), each))
  const places = lacking.map(({ name, node }) => {
    const file = node.getSourceFile()
    const { line } = file.getLineAndCharacterOfPosition(node.getStart())
    return `${relative(ROOT, file.fileName)}:${line + 1}: ${name}`
  })
  expect(places).toEqual([])
})

/** @returns the names of the functions without `@returns` in a module */
function lackingIn(code: string): string[] {
  const path = join(ROOT, 'packages/core/test/docs/sample.ts')
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile } = host
  host.fileExists = (file) => file === path || fileExists(file)
  host.getSourceFile = (file, language, ...rest) =>
    file === path ? ts.createSourceFile(file, code, language, true) : getSourceFile.call(host, file, language, ...rest)
  const program = ts.createProgram([path], options, host)
  return publicFunctions(program, [path], (file) => file === path)
    .filter((each) => lacksReturns(program.getTypeChecker(), each))
    .map(({ name }) => name)
}

describe('the check', () => {
  it('refuses every kind of function without @returns', () => {
    const code = `
      /** Adds one. */
      export function add(n: number): number { return n + 1 }
      /** One for each signature. */
      export function over(n: number): number
      /** @returns a text */
      export function over(n: string): string
      export function over(n: unknown): unknown { return n }
      /** Adds one. */
      export const arrow = (n: number): number => n + 1
      /** Without a text. @returns */
      export async function later(): Promise<number> { return 1 }
      /** Maybe. */
      export function maybe(): Promise<number | undefined> | undefined { return undefined }
      /** A guard. */
      export function isText(value: unknown): value is string { return typeof value === 'string' }
      /** A type. */
      export type Choose = (n: number) => string
      /** Options. */
      export interface Options {
        /** An option. */
        readonly choose?: ((n: number) => string) | undefined
        /** Nested. */
        readonly nested: { read(): string }
        (n: number): string
        undocumented(): number
      }
      class Base {
        /** Reads. */
        read(): number { return 1 }
      }
      /** A class. */
      export class Derived extends Base {
        /** The same. */
        override read(): number { return 2 }
        /** Static. */
        static of(): Derived { return new Derived() }
      }
    `
    expect(lackingIn(code)).toEqual([
      'add',
      'over',
      'later',
      'maybe',
      'isText',
      'arrow',
      'Choose',
      'Options.choose',
      'Options.nested.read',
      'Options.()',
      'Options.undocumented',
      'Base.read',
      'Derived.read',
      'Derived.of',
    ])
  })

  it('accepts what has @returns, returns nothing, inherits its comment, or is not public', () => {
    const code = `
      /** Adds one. @returns the sum */
      export function add(n: number): number { return n + 1 }
      /** @returns the sum */
      export const arrow = (n: number): number => n + 1
      /** Converts. @returns the same kind */
      export function over(n: number): number
      export function over(n: string): string
      export function over(n: unknown): unknown { return n }
      /** Ends. */
      export function end(): void | Promise<void> {}
      /** Throws. */
      export function fail(): never { throw new Error('never') }
      /** Checks. */
      export function check(value: unknown): asserts value is string {}
      /** Internal. @internal */
      export function hidden(): number { return 1 }
      function notExported(): number { return 1 }
      /** Options. */
      export interface Reader {
        /** @returns a number */
        read(): number
        /** A callback. */
        readonly onEnd?: (code: number) => void
        /** A value. */
        readonly value: number
      }
      /** A class. */
      export class FileReader implements Reader, Iterable<number> {
        readonly value = 1
        read(): number { return notExported() }
        /** {@inheritDoc Reader.read} */
        [Symbol.iterator](): Iterator<number> { return [1].values() }
        /** For chains. */
        add(): this { return this }
        /** An accessor. */
        get size(): number { return this.#size() }
        #size(): number { return 1 }
        /** Private. */
        private secret(): number { return 1 }
      }
    `
    expect(lackingIn(code)).toEqual([])
  })
})
