import { beforeAll, describe, expect, it } from 'vitest'
import { PIPELINE_CASES, RUN_CASES, type TypeCase } from './cases.js'
import { compile, type Diagnostic } from './compile.js'
import { PRELUDE } from './prelude.js'

const CASES: readonly (TypeCase & { readonly id: number })[] = [...PIPELINE_CASES, ...RUN_CASES].map((each, id) => ({
  ...each,
  id,
}))

describe('the compiler knows that', () => {
  let diagnostics: ReadonlyMap<string, readonly Diagnostic[]>

  beforeAll(() => {
    const files = CASES.flatMap(({ id, good, bad }) => [
      [`good-${id}.ts`, PRELUDE + good] as const,
      [`bad-${id}.ts`, PRELUDE + bad] as const,
    ])
    diagnostics = compile(new Map([...files, ['prelude.ts', PRELUDE]]))
  }, 120_000)

  it('the shared declarations compile', () => {
    expect(diagnostics.get('prelude.ts')).toEqual([])
  })

  it.each(CASES.map((each) => [each.rule, each] as const))('%s', (_, { id, code }) => {
    expect(diagnostics.get(`good-${id}.ts`)).toEqual([])
    expect(diagnostics.get(`bad-${id}.ts`)).toEqual([{ code, text: expect.any(String) }])
  })
})
