import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from './code-blocks.js'

/** A piece of prose: a paragraph, a comment, a message. */
export interface Prose {
  /** Relative to the root of the repository. */
  readonly file: string
  /** The line in which it begins, from 1. */
  readonly line: number
  /** With the line breaks of the file. */
  readonly text: string
}

const SKIPPED = new Set(['node_modules', 'dist', 'docs-api', 'coverage'])

/** The documents and source files under a path; `*` in it is the name of any folder. */
export function filesUnder(path: string): string[] {
  const [before = '', after] = path.split('/*/')
  if (after !== undefined)
    return readdirSync(join(ROOT, before)).flatMap((name) => filesUnder(join(before, name, after)))
  const stats = statSync(join(ROOT, path), { throwIfNoEntry: false })
  if (stats === undefined || SKIPPED.has(path.split('/').at(-1) as string)) return []
  if (stats.isFile()) return /\.(md|ts|mjs|cjs)$/.test(path) ? [path] : []
  return readdirSync(join(ROOT, path)).flatMap((name) => filesUnder(join(path, name)))
}

/** The prose of a document or of a source file. */
export function proseOf(file: string): Prose[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return file.endsWith('.md') ? proseOfDocument(file, text) : proseOfSource(file, text, 1)
}

/** Keeps the length and the lines of what it hides. */
const hidden = (text: string): string => text.replaceAll(/[^\n]/g, '·')

/** Without code, and without the targets of links; of blocks of TypeScript, the comments; of diagrams as text, everything. */
function proseOfDocument(file: string, markdown: string): Prose[] {
  const found: Prose[] = []
  const text = markdown
    .replaceAll(/^ *```(\w*).*?^ *```$/gms, (block, language: string, at: number) => {
      const line = lineOf(markdown, at) + 1
      const content = block.split('\n').slice(1, -1).join('\n')
      if (language === 'ts') found.push(...proseOfSource(file, content, line))
      else if (language === '' || language === 'text') found.push({ file, line, text: content })
      return hidden(block)
    })
    .replaceAll(/`[^`]*`/g, hidden)
    .replaceAll(/\]\([^)]*\)/g, hidden)
    .replaceAll(/[*_|>#]/g, ' ')
  for (const { 0: paragraph, index } of text.matchAll(/(?:[^\n]*\S[^\n]*(?:\n|$))+/g))
    found.push({ file, line: lineOf(text, index), text: paragraph })
  return found
}

/** Comments, and literals that have a space. */
function proseOfSource(file: string, text: string, firstLine: number): Prose[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const found = new Map<number, Prose>()
  const add = (at: number, prose: string): void => {
    found.set(at, { file, line: firstLine - 1 + lineOf(text, at), text: prose })
  }
  const visit = (node: ts.Node): void => {
    const comments = [
      ...(ts.getLeadingCommentRanges(text, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
    ]
    for (const { pos, end } of comments) add(pos, withoutMarks(text.slice(pos, end)))
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
    if (isText && node.text.includes(' ') && !ts.isImportDeclaration(node.parent)) add(node.getStart(), node.text)
    for (const child of node.getChildren(source)) if (!ts.isJSDoc(child)) visit(child)
  }
  visit(source)
  return [...found.values()]
}

/** Without the signs of a comment, its code, its examples and its tags. */
function withoutMarks(comment: string): string {
  return comment
    .replaceAll(/^\s*(\/\*\*?|\*\/|\*(?!\/)|\/\/)/gm, ' ')
    .replaceAll(/\*\/$/g, ' ')
    .replaceAll(/^ *```.*?^ *```$/gms, hidden)
    .replaceAll(/`[^`]*`/g, hidden)
    .replaceAll(/@\w+|\{@link [^}]*\}/g, ' ')
}

/** The line of an offset, from 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
