import { randomBytes } from 'node:crypto'
import type { StoreId } from '@joinery/core/store'

/**
 * Who has a store, and how many chunks of changes that owner has written: a field beside the rows, in the same hash. What
 * loses rows loses it too, or takes it back. It is 16 digits of the last chunk's number, and then the owner: 16 digits of
 * its token, 12 characters that no other has, and the changelog. Digits, because numbers in Lua end at 2^53; of equal
 * length, so that texts compare as numbers do. The scripts know these lengths.
 */
const DIGITS = 16
const NONCE_BYTES = 9
const NONCE_LENGTH = 12
/** Where the changelog begins in an owner. */
const CHANGELOG_AT = DIGITS + NONCE_LENGTH

export function digits(number: number): string {
  return String(number).padStart(DIGITS, '0')
}

/** An owner that never was before: opening twice with one token makes two of them. */
export function newOwner({ token, changelogId }: StoreId): string {
  return digits(token) + randomBytes(NONCE_BYTES).toString('base64url') + changelogId
}

/** What is left of a store, compared with what its owner has left in it. */
export type MarkState = 'intact' | 'fenced' | 'behind'

/**
 * @param least the last chunk that was acknowledged before the mark was asked for
 * @param most the last chunk that was sent
 */
export function judgeMark(mark: string | undefined, owner: string, least: number, most: number): MarkState {
  if (mark === undefined) return 'behind'
  const other = mark.slice(DIGITS)
  if (other === owner) {
    const chunk = Number(mark.slice(0, DIGITS))
    return chunk >= least && chunk <= most ? 'intact' : 'behind'
  }
  const isOlder = other.slice(CHANGELOG_AT) === owner.slice(CHANGELOG_AT) && tokenOf(other) < tokenOf(owner)
  return isOlder ? 'behind' : 'fenced'
}

const tokenOf = (owner: string): string => owner.slice(0, DIGITS)
