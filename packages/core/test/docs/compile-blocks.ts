import { dirname, join } from 'node:path'
import ts from 'typescript'
import * as core from '../../src/index.js'
import * as log from '../../src/log.js'
import * as openmetrics from '../../src/openmetrics.js'
import * as operator from '../../src/operator.js'
import * as store from '../../src/store.js'
import * as testing from '../../src/testing.js'
import { type CodeBlock, ROOT } from './code-blocks.js'
import { PRELUDE } from './prelude.js'

/** Blocks stand where all packages can be imported from. */
const PLACE = join(ROOT, 'packages/bench/blocks')
const PRELUDE_FILE = join(import.meta.dirname, 'prelude.js')

/** The entry that exports a name; types are imported by whoever uses them. */
const ENTRY_OF: ReadonlyMap<string, string> = new Map([
  ...Object.entries({ core, store, log, operator, testing, openmetrics }).flatMap(([entry, module]) =>
    Object.keys(module).map((name) => [name, entry === 'core' ? '@joinery/core' : `@joinery/core/${entry}`] as const),
  ),
  ...Object.keys(core).map((name) => [name, '@joinery/core'] as const),
  ['kafkaLog', '@joinery/kafkajs'] as const,
  ['lmdbStores', '@joinery/lmdb'] as const,
  ['redisStores', '@joinery/redis'] as const,
])

/** A block as it is compiled and run. */
export interface PreparedBlock {
  readonly block: CodeBlock
  readonly path: string
  /** The block behind what it uses without declaring it, in the same lines. */
  readonly code: string
  /** The names of the prelude that it uses. */
  readonly prelude: ReadonlySet<string>
  /** Modules that it imports. */
  readonly imports: ReadonlySet<string>
}

/** Adds what a block uses without saying where it comes from. */
export function prepare(block: CodeBlock): PreparedBlock {
  const source = ts.createSourceFile('block.ts', block.code, ts.ScriptTarget.ESNext, true)
  const { used, declared, imports } = namesOf(source)
  const missing = [...used].filter((name) => !declared.has(name))
  const prelude = new Set(missing.filter((name) => PRELUDE.has(name)))
  const imported = missing.filter((name) => !prelude.has(name) && ENTRY_OF.has(name))
  const begin = [
    ...(missing.includes('assert') ? ["import assert from 'node:assert/strict';"] : []),
    ...imported.map((name) => `import { ${name} } from '${ENTRY_OF.get(name)}';`),
    `declare const $prelude: import('${PRELUDE_FILE}').Prelude;`,
    `const { ${[...prelude].join(', ')} } = $prelude;`,
  ]
  for (const name of imported) imports.add(ENTRY_OF.get(name) as string)
  const name = block.name ?? `line-${block.line}.ts`
  const path = join(PLACE, block.file.replaceAll('/', '__'), name)
  return { block, path, code: `${begin.join(' ')} ${block.code}\nexport {}\n`, prelude, imports }
}

function namesOf(source: ts.SourceFile): { used: Set<string>; declared: Set<string>; imports: Set<string> } {
  const used = new Set<string>()
  const declared = new Set<string>()
  const imports = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) imports.add((node.moduleSpecifier as ts.StringLiteral).text)
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node)
      if (!isMember) used.add(node.text)
      const isBound = (ts.isBindingElement(parent) && parent.propertyName !== node) || ts.isVariableDeclaration(parent)
      const isNamed = ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent)
      const isDefined = ts.isFunctionDeclaration(parent) || ts.isClassDeclaration(parent)
      const isName = isNamed || ('name' in parent && parent.name === node)
      if (isName && (isBound || isNamed || isDefined) && !isLocal(node)) declared.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { used, declared, imports }
}

/** Whether a name is declared within a function: elsewhere in the block it may mean another thing. */
function isLocal(node: ts.Node): boolean {
  for (let at: ts.Node | undefined = node.parent; at !== undefined; at = at.parent) {
    if (ts.isParameter(at) || ts.isArrowFunction(at) || ts.isFunctionExpression(at) || ts.isBlock(at)) return true
    if (ts.isFunctionDeclaration(at) && at.name !== node) return true
  }
  return false
}

/** Compiles all blocks in one program, with the options of the repository. Answers what is wrong, by place in the documents. */
export function compile(blocks: readonly PreparedBlock[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  // programs are no libraries: what they export need not be typed
  const programOptions = { ...options, isolatedDeclarations: false, declaration: false, noEmit: true }
  const byPath = new Map(blocks.map((each) => [each.path, each]))
  if (byPath.size < blocks.length) throw new Error('two blocks of a document have the same name')
  const host = ts.createCompilerHost(programOptions)
  const directories = new Set(blocks.map(({ path }) => dirname(path)))
  const { fileExists, readFile, directoryExists, getSourceFile } = host
  host.fileExists = (path) => byPath.has(path) || fileExists(path)
  host.readFile = (path) => byPath.get(path)?.code ?? readFile(path)
  host.directoryExists = (path) => directories.has(path) || path === PLACE || (directoryExists?.(path) ?? false)
  host.getSourceFile = (path, language, ...rest) => {
    const block = byPath.get(path)
    if (block === undefined) return getSourceFile.call(host, path, language, ...rest)
    return ts.createSourceFile(path, block.code, language, true)
  }
  const program = ts.createProgram([...byPath.keys()], programOptions, host)
  return [...byPath].flatMap(([path, { block }]) => {
    const file = program.getSourceFile(path) as ts.SourceFile
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText, code }) => {
        const { line } = file.getLineAndCharacterOfPosition(start)
        return `${block.file}:${block.line + line} TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
      },
    )
  })
}
