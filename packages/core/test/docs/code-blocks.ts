import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

/** How a block is tried: run in a process of its own kind, run against a server, or only compiled, for a stated reason. */
export type Trial = 'run' | 'kafka' | 'redis' | 'compile-only'

/** A fenced block of TypeScript in a document or in a doc comment. */
export interface CodeBlock {
  /** Relative to the root of the repository. */
  readonly file: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  readonly code: string
  /** As other blocks of the document import it. */
  readonly name: string | undefined
  readonly trial: Trial
}

/** A fenced block of anything. */
export interface Fence {
  readonly file: string
  readonly line: number
  readonly info: string
  readonly code: string
}

export const ROOT: string = join(import.meta.dirname, '../../../..')
const SKIPPED = new Set(['node_modules', 'dist', 'docs-api', 'coverage', '.git', '.changeset'])
const NOT_OURS = new Set(['packages/conformance/README.md'])
/** Languages of blocks that are no code of the library's. */
const OTHER_LANGUAGES = new Set(['sh', 'text', 'json', 'hex', 'yaml', 'mermaid'])

/** Every document of the repository. */
export function documents(directory: string = ROOT): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : documents(path)
    const file = relative(ROOT, path)
    const isOurs = file.endsWith('.md') && entry.name !== 'CHANGELOG.md' && !NOT_OURS.has(file)
    return isOurs ? [file] : []
  })
}

/** The fenced blocks of a text. */
export function fences(file: string, text: string, firstLine = 1): Fence[] {
  const found: Fence[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const open = /^(\s*)```(.*)$/.exec(lines[i] as string)
    if (open === null) continue
    const begin = i + 1
    i = lines.findIndex((line, at) => at >= begin && line.trim() === '```')
    if (i < 0) throw new Error(`${file}:${firstLine + begin - 1}: a block that does not end`)
    const indent = open[1]?.length ?? 0
    const code = lines
      .slice(begin, i)
      .map((line) => line.slice(Math.min(indent, line.length - line.trimStart().length)))
    found.push({ file, line: firstLine + begin, info: (open[2] ?? '').trim(), code: code.join('\n') })
  }
  return found
}

/** ```` ```ts [file.ts] [kafka | redis | compile-only: why] ```` */
function toBlock({ file, line, info, code }: Fence): CodeBlock | undefined {
  const [language = '', ...rest] = info.split(' ')
  if (OTHER_LANGUAGES.has(language) || (language === '' && file.startsWith('examples/'))) return undefined
  const where = `${file}:${line - 1}`
  if (language !== 'ts')
    throw new Error(`${where}: ${info === '' ? 'a block without a language' : language}: only ts is compiled`)
  const name = rest[0]?.endsWith('.ts') ? rest.shift() : undefined
  const mode = rest.join(' ')
  if (mode === '') return { file, line, code, name, trial: 'run' }
  if (mode === 'kafka' || mode === 'redis') return { file, line, code, name, trial: mode }
  if (/^compile-only: \S/.test(mode)) return { file, line, code, name, trial: 'compile-only' }
  throw new Error(`${where}: ${mode} is not a way to try a block: nothing, 'kafka', 'redis', or 'compile-only: why'`)
}

const isBlock = (block: CodeBlock | undefined): block is CodeBlock => block !== undefined

/** The blocks of all documents. */
export function documentBlocks(): CodeBlock[] {
  return documents().flatMap((file) =>
    fences(file, readFileSync(join(ROOT, file), 'utf8'))
      .map(toBlock)
      .filter(isBlock),
  )
}

/** The blocks of all `@example` tags of the packages' sources. */
export function commentBlocks(): CodeBlock[] {
  return ['core', 'kafkajs', 'lmdb', 'redis'].flatMap((name) =>
    sources(join(ROOT, 'packages', name, 'src')).flatMap(blocksOfSource),
  )
}

function sources(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    if (statSync(path).isDirectory()) return sources(path)
    return name.endsWith('.ts') ? [path] : []
  })
}

function blocksOfSource(path: string): CodeBlock[] {
  const text = readFileSync(path, 'utf8')
  if (!text.includes('@example')) return []
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  const found = new Map<number, CodeBlock>()
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      if (tag.tagName.text !== 'example') continue
      const { line } = source.getLineAndCharacterOfPosition(tag.getStart())
      const code = text.slice(tag.getStart(), tag.getEnd()).replaceAll(/^\s*\* ?/gm, '')
      const blocks = fences(relative(ROOT, path), code, line + 1)
        .map(toBlock)
        .filter(isBlock)
      if (blocks.length === 0) throw new Error(`${relative(ROOT, path)}:${line + 1}: an @example without a block of ts`)
      for (const block of blocks) found.set(block.line, block)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...found.values()]
}
