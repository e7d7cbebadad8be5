import { beforeAll, describe, expect, it } from 'vitest'
import { PIPELINE_CASES, RUN_CASES, type TypeCase } from './cases.js'
import { type Complaint, compile } from './compile.js'
import { PRELUDE } from './prelude.js'

const CASES: readonly (TypeCase & { readonly id: number })[] = [...PIPELINE_CASES, ...RUN_CASES].map((each, id) => ({
  ...each,
  id,
}))

describe('the compiler knows that', () => {
  let complaints: ReadonlyMap<string, readonly Complaint[]>

  beforeAll(() => {
    const files = CASES.flatMap(({ id, good, bad }) => [
      [`good-${id}.ts`, PRELUDE + good] as const,
      [`bad-${id}.ts`, PRELUDE + bad] as const,
    ])
    complaints = compile(new Map([...files, ['prelude.ts', PRELUDE]]))
  }, 120_000)

  it('what all snippets have in common is right', () => {
    expect(complaints.get('prelude.ts')).toEqual([])
  })

  it.each(CASES.map((each) => [each.rule, each] as const))('%s', (_, { id, code }) => {
    expect(complaints.get(`good-${id}.ts`)).toEqual([])
    expect(complaints.get(`bad-${id}.ts`)).toEqual([{ code, text: expect.any(String) }])
  })
})
