import type { Change } from '../store/contract.js'
import { seededRandom } from './random.js'

/** Commits over a few keys, so that puts and deletes of one key often meet. */
export function randomChanges(seed: number, commits: number): Change[][] {
  const random = seededRandom(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  return Array.from({ length: commits }, () =>
    Array.from({ length: below(20) }, () => ({
      key: Buffer.from(`key-${below(30)}`),
      value: random() < 0.3 ? null : Buffer.from('v'.repeat(below(40)) + below(1_000)),
    })),
  )
}
