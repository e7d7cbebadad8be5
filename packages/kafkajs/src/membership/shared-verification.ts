import type { Clock } from '@joinery/core'
import type { Membership } from '@joinery/core/log'

/** @returns a function that verifies a membership once for all calls in the same turn of the event loop, such as those of many tasks */
export function sharedVerification(clock: Clock, verify: Membership['verify']): Membership['verify'] {
  let pending: ReturnType<Membership['verify']> | undefined
  return () => {
    pending ??= clock.yieldToEventLoop().then(() => {
      pending = undefined // a heartbeat counts only for calls before it is sent
      return verify()
    })
    return pending
  }
}
