import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from './code-blocks.js'

const MAX_LINES = 250
const MAX_FILES = 25
/** Their files are programs that share nothing. */
const WITHOUT_IMPORTS = new Set(['examples/small/src'])

const packages = ['packages', 'examples'].flatMap((parent) =>
  readdirSync(join(ROOT, parent))
    .map((name) => join(ROOT, parent, name, 'src'))
    .filter((src) => statSync(src, { throwIfNoEntry: false })?.isDirectory()),
)
const filesOf = (src: string): string[] =>
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(src, path))

/** The files that a file imports or exports from, type-only imports included. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const specifiers = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)\.js'/g)].map(([, path]) => path as string)
  return specifiers.map((path) => resolve(dirname(file), `${path}.ts`))
}

/** One circle of imports, as a path that ends where it begins; `undefined` if there is none. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>()
  const path: string[] = []
  const visit = (file: string): string[] | undefined => {
    if (finished.has(file)) return undefined
    const at = path.indexOf(file)
    if (at >= 0) return [...path.slice(at), file]
    path.push(file)
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next)
      if (circle !== undefined) return circle
    }
    path.pop()
    finished.add(file)
    return undefined
  }
  for (const file of graph.keys()) {
    const circle = visit(file)
    if (circle !== undefined) return circle.map((each) => relative(ROOT, each))
  }
  return undefined
}

describe('the source tree', () => {
  it.each(packages.map((src) => relative(ROOT, src)))(
    '%s has no circular import, type-only imports included',
    (src) => {
      const graph = new Map(filesOf(join(ROOT, src)).map((file) => [file, importsOf(file)]))
      expect([...graph.values()].some((imports) => imports.length > 0)).toBe(
        graph.size > 1 && !WITHOUT_IMPORTS.has(src),
      )
      expect(findCircle(graph)).toBeUndefined()
    },
  )

  it(`has no source file of more than ${MAX_LINES} lines`, () => {
    const long = packages
      .flatMap(filesOf)
      .map((file) => ({ file, lines: readFileSync(file, 'utf8').trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MAX_LINES)
    expect(long.map(({ file, lines }) => `${relative(ROOT, file)}: ${lines}`)).toEqual([])
  })

  it(`has no folder of more than ${MAX_FILES} source files`, () => {
    const counts = new Map<string, number>()
    for (const file of packages.flatMap(filesOf)) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
    const full = [...counts].filter(([, count]) => count > MAX_FILES)
    expect(full.map(([folder, count]) => `${relative(ROOT, folder)}: ${count}`)).toEqual([])
  })
})
