import { describe, expect, it } from 'vitest'
import { transactionalIdHeader, transactionalIdOf } from '../../../src/writer/group-commit/transactional-id-header.js'

describe('the header of the first record of a transaction', () => {
  it('is joinery-transactional-id, in UTF-8', () => {
    expect(transactionalIdHeader('äpp-one.0')).toEqual([['joinery-transactional-id', Buffer.from('äpp-one.0')]])
  })

  it('is read among others', () => {
    const headers = [['other', Buffer.from('x')], ...transactionalIdHeader('äpp-one.12')] as const
    expect(transactionalIdOf(headers)).toBe('äpp-one.12')
  })

  it.each([
    ['there are no headers', []],
    ['there are others only', [['other', Buffer.from('x')]]],
    ['it has no value', [['joinery-transactional-id', null]]],
  ] as const)('names no transactional id if %s', (_, headers) => {
    expect(transactionalIdOf(headers)).toBeUndefined()
  })
})
