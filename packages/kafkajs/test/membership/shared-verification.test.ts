import { systemClock } from '@joinery/core'
import { expect, it } from 'vitest'
import { sharedVerification } from '../../src/membership/shared-verification.js'

function counted() {
  let count = 0
  const verify = sharedVerification(systemClock, async () => (++count === 1 ? 'member' : 'lost'))
  return { verify, count: () => count }
}

it('verifies once for all calls in the same turn', async () => {
  const { verify, count } = counted()
  expect(await Promise.all([verify(), verify(), verify()])).toEqual(['member', 'member', 'member'])
  expect(count()).toBe(1)
})

it('verifies again for a later call: the heartbeat before it proves nothing about now', async () => {
  const { verify } = counted()
  expect(await verify()).toBe('member')
  expect(await verify()).toBe('lost')
})
