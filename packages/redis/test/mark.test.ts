import { describe, expect, it } from 'vitest'
import { digits, judgeMark, newOwner } from '../src/mark.js'

const id = { application: 'a', name: 's', partition: 0, token: 41, changelogId: 'log' }

describe('an owner', () => {
  it('consists of its token, a nonce and the changelog, at the positions that the scripts expect', () => {
    const owner = newOwner(id)
    expect(owner.slice(0, 16)).toBe('0000000000000041')
    expect(owner.slice(28)).toBe('log')
    expect(newOwner(id)).not.toBe(owner)
  })

  it('supports every possible token', () => {
    expect(digits(0)).toBe('0'.repeat(16))
    expect(digits(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991')
  })
})

describe('the mark of a store', () => {
  const owner = newOwner(id)
  const mark = (chunk: number, of = owner) => digits(chunk) + of
  const other = (changes: Partial<typeof id>) => newOwner({ ...id, ...changes })

  it.each([
    ['what was acknowledged', mark(7), 'intact'],
    ['what was sent after it', mark(9), 'intact'],
    ['less than what was acknowledged', mark(6), 'behind'],
    ['more than what was sent', mark(10), 'behind'],
    ['nothing', undefined, 'behind'],
    ['an earlier owner', mark(99, other({ token: 40 })), 'behind'],
    ['a later owner', mark(0, other({ token: 42 })), 'fenced'],
    ['another owner with the same token', mark(7, other({})), 'fenced'],
    ['an owner by another changelog, with a lower token', mark(0, other({ token: 1, changelogId: 'l' })), 'foreign'],
    ['an owner by another changelog, with a higher token', mark(0, other({ token: 99, changelogId: 'm' })), 'foreign'],
  ])('says %s', (_, found, state) => {
    expect(judgeMark(found, owner, 7, 9)).toBe(state)
  })
})
