import { randomBytes } from 'node:crypto'
import type { StoreId } from '@joinery/core/store'

/**
 * The mark of a store: who owns it, and how many chunks of changes the owner has written. It is a field of the same hash as
 * the rows: whatever loses rows loses the mark too, or reverts it. It consists of the number of the last chunk (16 digits) and
 * the owner: its token (16 digits), a nonce (12 characters) and the changelog. Digits, because numbers in Lua are exact only
 * up to 2^53; of fixed length, because they then compare as numbers do. The scripts depend on these lengths.
 */
const DIGITS = 16
const NONCE_BYTES = 9
const NONCE_LENGTH = 12
/** Where the changelog begins in the text of an owner. */
const CHANGELOG_AT = DIGITS + NONCE_LENGTH

/** @returns a number with leading zeros */
export function digits(number: number): string {
  return String(number).padStart(DIGITS, '0')
}

/** @returns a new owner: opened twice with the same token, a store has two owners */
export function newOwner({ token, changelogId }: StoreId): string {
  return digits(token) + randomBytes(NONCE_BYTES).toString('base64url') + changelogId
}

/**
 * The state of a store, as its owner sees it: `behind` if it has lost acknowledged changes, `foreign` if its new owner has another
 * changelog.
 */
export type MarkState = 'intact' | 'fenced' | 'foreign' | 'behind'

/**
 * Compares the mark of a store with the chunks that its owner has written.
 *
 * @param acknowledged the last chunk that was acknowledged before the mark was requested
 * @param sent the last chunk that was sent
 */
export function judgeMark(mark: string | undefined, owner: string, acknowledged: number, sent: number): MarkState {
  if (mark === undefined) return 'behind'
  const markOwner = mark.slice(DIGITS)
  if (markOwner === owner) {
    const chunk = Number(mark.slice(0, DIGITS))
    return chunk >= acknowledged && chunk <= sent ? 'intact' : 'behind'
  }
  if (markOwner.slice(CHANGELOG_AT) !== owner.slice(CHANGELOG_AT)) return 'foreign'
  return tokenOf(markOwner) < tokenOf(owner) ? 'behind' : 'fenced'
}

const tokenOf = (owner: string): string => owner.slice(0, DIGITS)
