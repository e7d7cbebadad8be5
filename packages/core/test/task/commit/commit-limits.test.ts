import { describe, expect, it } from 'vitest'
import { CommitLimits } from '../../../src/task/commit/commit-limits.js'

const KIB = 2 ** 10
const MIB = 2 ** 20
const NOTHING = { bytes: 0, logBytes: 0 }
/** Effects that the commit sends, and effects that only stay in memory. */
const sent = (bytes: number) => ({ bytes, logBytes: bytes })
const kept = (bytes: number) => ({ bytes, logBytes: 0 })

/** Records with effects of this size have been processed for a while. */
function limitsAfter(effect: typeof NOTHING, maxCommitBytes?: number): CommitLimits {
  const limits = new CommitLimits(4 * MIB, maxCommitBytes === undefined ? {} : { maxCommitBytes })
  for (let i = 0; i < 100; i++) limits.added(10, { bytes: effect.bytes * 10, logBytes: effect.logBytes * 10 })
  return limits
}

describe('a commit is due because of its size', () => {
  it('at the limit in memory, whatever the log takes', () => {
    const limits = new CommitLimits(4 * MIB, {})
    expect(limits.isReached(sent(4 * MIB - 1))).toBe(false)
    expect(limits.isReached(sent(4 * MIB))).toBe(true)
    expect(limits.isReached(kept(4 * MIB))).toBe(true)
  })

  it('at the limit of the log, which counts only what is sent', () => {
    const limits = new CommitLimits(4 * MIB, { maxCommitBytes: 48 * KIB })
    expect(limits.isReached(sent(48 * KIB - 1))).toBe(false)
    expect(limits.isReached(sent(48 * KIB))).toBe(true)
    expect(limits.isReached(kept(MIB))).toBe(false)
  })

  it('never later than at the limit in memory, even if the log takes more', () => {
    expect(new CommitLimits(4 * MIB, { maxCommitBytes: 100 * MIB }).isReached(sent(4 * MIB))).toBe(true)
  })

  it('at the limit that the log has now', () => {
    const session = { maxCommitBytes: 48 * KIB }
    const limits = new CommitLimits(4 * MIB, session)
    session.maxCommitBytes = 96 * KIB
    expect(limits.isReached(sent(95 * KIB))).toBe(false)
    expect(limits.isReached(sent(96 * KIB))).toBe(true)
  })
})

describe('the records that fit into a commit', () => {
  it('are few before the size of their effects is known', () => {
    expect(new CommitLimits(4 * MIB, { maxCommitBytes: 48 * KIB }).recordsLeft(NOTHING)).toBe(12)
  })

  it('are as many as the log takes, if they are sent', () => {
    const limits = limitsAfter(sent(100), 48 * KIB)
    expect(limits.recordsLeft(NOTHING)).toBeCloseTo((48 * KIB) / 100, -1)
    expect(limits.recordsLeft(sent(24 * KIB))).toBeCloseTo((24 * KIB) / 100, -1)
  })

  it('are as many as fit into memory, if they are not sent: rows of tables', () => {
    const limits = limitsAfter(kept(1_000), 48 * KIB)
    expect(limits.recordsLeft(NOTHING)).toBeCloseTo((4 * MIB) / 1_000, -1)
    expect(limits.recordsLeft(kept(3 * MIB))).toBeCloseTo(MIB / 1_000, -1)
  })

  it('are at least one', () => {
    expect(limitsAfter(sent(MIB), 48 * KIB).recordsLeft(NOTHING)).toBe(1)
    expect(limitsAfter(sent(100), 48 * KIB).recordsLeft(sent(MIB))).toBe(1)
  })

  it('are many when they have no effects', () => {
    expect(limitsAfter(NOTHING).recordsLeft(NOTHING)).toBeGreaterThan(10_000)
  })

  it('follow the effects of the latest records', () => {
    const limits = limitsAfter(sent(10_000))
    const before = limits.recordsLeft(NOTHING)
    for (let i = 0; i < 100; i++) limits.added(10, sent(1_000))
    expect(limits.recordsLeft(NOTHING)).toBeGreaterThan(50 * before)
  })
})
