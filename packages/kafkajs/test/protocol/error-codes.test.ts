import { describe, expect, it } from 'vitest'
import {
  codeName,
  isCoordinatorMoved,
  isFenced,
  isLeaderMoved,
  isUnauthorized,
} from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'

// https://kafka.apache.org/protocol#protocol_error_codes
const codes = Array.from({ length: 135 }, (_, i) => i - 1)

describe('error codes', () => {
  it.each([
    ['a leader that moved', isLeaderMoved, [3, 5, 6, 7, 56, 74, 75]],
    ['a coordinator that moved', isCoordinatorMoved, [14, 15, 16]],
    ['a fenced producer', isFenced, [47, 48, 49, 52, 90]],
    ['a missing permission', isUnauthorized, [29, 30, 31, 53]],
  ])('detect %s', (_, test, expected) => {
    expect(codes.filter(test)).toEqual(expected)
  })

  it('have names in messages, or at least numbers', () => {
    expect(codeName(47)).toBe('INVALID_PRODUCER_EPOCH')
    expect(codeName(12_345)).toBe('error 12345')
    expect(new ProtocolError(6, 'Produce to a[0]').message).toBe('Produce to a[0] failed with NOT_LEADER_OR_FOLLOWER')
  })
})
