import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { ROOT } from './code-blocks.js'

const SRC = join(ROOT, 'packages/core/src')

interface Source {
  /** Relative to the sources. */
  readonly path: string
  readonly node: ts.SourceFile
  readonly imports: readonly string[]
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const node = ts.createSourceFile(path, readFileSync(join(SRC, path), 'utf8'), ts.ScriptTarget.ESNext, true)
    const imports = node.statements.flatMap((statement) => {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
      const { moduleSpecifier } = statement
      return moduleSpecifier === undefined ? [] : [(moduleSpecifier as ts.StringLiteral).text]
    })
    return { path, node, imports }
  })

/** What stands above what in ARCHITECTURE.md: files at the top of the sources, then the folders. */
const folders = [...readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/^ {4}([a-z]+)\/ /gm)].map(
  ([, folder]) => folder as string,
)
/** The top-level folder of a path: sub-folders belong to it. `.` for files at the top of the sources. */
const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] as string) : '.')
const inFolders = (...names: string[]) => sources.filter(({ path }) => names.includes(folderOf(path)))

function find(source: Source, isWanted: (node: ts.Node) => boolean): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (isWanted(node)) found.push(`${source.path}: ${node.getText()}`)
    ts.forEachChild(node, visit)
  }
  visit(source.node)
  return found
}

/** Uses of the machine's time, timers or randomness. */
const TIME = /^(Date\.now|performance\.now|setTimeout|setInterval|setImmediate|Math\.random)$/
const tellsTime = (node: ts.Node): boolean =>
  (ts.isCallExpression(node) && TIME.test(node.expression.getText())) ||
  (ts.isNewExpression(node) && node.expression.getText() === 'Date')

describe('the core', () => {
  const coreFolders = folders.slice(0, folders.indexOf('testing') + 1)

  it('has the folders of ARCHITECTURE.md, each of which imports only from those above it', () => {
    expect(new Set(sources.map(({ path }) => folderOf(path)))).toEqual(new Set(['.', ...coreFolders]))
    const upward = inFolders(...coreFolders).flatMap(({ path, imports }) =>
      imports
        .filter((name) => name.startsWith('.'))
        .map((name) => folderOf(join(dirname(path), name)))
        .filter((to) => to !== '.' && coreFolders.indexOf(to) > coreFolders.indexOf(folderOf(path)))
        .map((to) => `${path} imports from ${to}`),
    )
    expect(upward).toEqual([])
  })

  it('imports nothing but Node, lru-cache for what lets rows go, and failpoints, which builds leave out', () => {
    const others = sources.flatMap(({ path, imports }) =>
      imports
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && name !== '@joinery/failpoint')
        .map((name) => `${path}: ${name}`),
    )
    expect(others.sort()).toEqual(['store/memory/evicting-rows.ts: lru-cache', 'store/row-cache.ts: lru-cache'])
  })

  it('has only an injected clock to tell time (law 10)', () => {
    const clocks = ['clock.ts', 'testing/manual-clock.ts']
    expect(sources.filter(({ path }) => !clocks.includes(path)).flatMap((each) => find(each, tellsTime))).toEqual([])
  })

  it('has operators without promises, clocks and I/O (law 3)', () => {
    const impure = (node: ts.Node) =>
      ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword || node.getText() === 'Promise'
    const operators = inFolders('join', 'call')
    expect(operators.flatMap((each) => find(each, impure))).toEqual([])
    const imported = operators.flatMap(({ path, imports }) => imports.map((name) => `${path}: ${name}`))
    // a digest of a record is a function of its bytes
    expect(imported.filter((each) => each.includes(': node:'))).toEqual(['call/call-id.ts: node:crypto'])
    expect(imported.filter((each) => each.endsWith('/clock.js'))).toEqual([])
  })

  it('checks what every serde returned: users without types write serdes, too', () => {
    const isUnchecked = (node: ts.Node): boolean =>
      ts.isCallExpression(node) &&
      /\.(encode|decode)$/.test(node.expression.getText()) &&
      !(ts.isCallExpression(node.parent) && /^(decoded|encoded|encodedValue)$/.test(node.parent.expression.getText()))
    const used = sources.filter(({ path }) => folderOf(path) !== 'serde').flatMap((each) => find(each, isUnchecked))
    expect(used.sort()).toEqual([
      // StoredRow.decode checks it
      'join/join-chain.ts: stored.decode(table.value)',
      // the pipeline that uses these serdes checks it
      'outcome/record-watch.ts: decoder.decode(bytes)',
      'outcome/watched-plans.ts: encode.encode(result)',
      // StoredRow.decode checks it
      'task/calls/call-store.ts: row.decode({ decode })',
      'task/row-writer.ts: row?.decode(plan.value)',
      // the pipeline that uses these decoders checks it
      'testing/test-driver/read-only-values.ts: decoder.decode(bytes)',
      'testing/test-driver/read-only-values.ts: plan.key.decode(bytes)',
    ])
  })

  it('knows no concrete log or store, but for the default of an application (law 11)', () => {
    const concrete = inFolders('.', 'pipeline', 'join', 'call', 'task', 'app').flatMap(({ path, imports }) =>
      imports.filter((name) => /\/memory-[a-z-]+\.js$/.test(name)).map((name) => `${path}: ${name}`),
    )
    expect(concrete.filter((each) => !each.startsWith('index.ts: '))).toEqual([
      'app/app-settings.ts: ../store/memory/memory-stores.js',
    ])
  })
})
