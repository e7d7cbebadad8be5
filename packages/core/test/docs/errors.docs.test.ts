import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { ROOT } from './code-blocks.js'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

function codes(): string[] {
  const path = 'packages/core/src/errors.ts'
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.ESNext)
  const type = source.statements.find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'ErrorCode')
  const members = ((type as ts.TypeAliasDeclaration).type as ts.UnionTypeNode).types
  return members.map((member) => ((member as ts.LiteralTypeNode).literal as ts.StringLiteral).text)
}

describe('docs/errors.md', () => {
  const sections = read('docs/errors.md').split(/^## /m).slice(1)

  it('has a section for every code, and for no other, in the order of the type', () => {
    expect(sections.map((section) => section.split('\n')[0])).toEqual(codes())
  })

  it.each(sections.map((section) => [section.split('\n')[0], section]))(
    'says of %s whether it is retriable',
    (_, text) => {
      expect(text).toMatch(/retriable|Not seen by users/i)
    },
  )
})
