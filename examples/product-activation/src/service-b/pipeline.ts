import { type Call, type CallOnce, type Pipeline, stream } from '@joinery/core'
import { type Activated, activated, inDoubt, type Notification, notifications } from '../topics.js'

/** Makes the request of one call, and returns its result. */
export type ActivateProduct = (notification: Notification, call: Call<string | null>) => Promise<Activated>

/** Over HTTP. Any complete response counts as the call: a 503 is a result, not a reason to call again. */
export function postTo(url: string): ActivateProduct {
  return async (notification, call) => {
    const headers = { 'content-type': 'application/json' }
    const { status } = await call.fetch(url, { method: 'POST', headers, body: JSON.stringify(notification) })
    return { activationId: notification.activationId, status }
  }
}

/** The calls of service B: at most one for each activation. Keep it to list and resolve those in doubt. */
export function activationCalls(activateProduct: ActivateProduct): CallOnce<string, Activated> {
  return stream(notifications).callOnce(activateProduct, {
    inDoubt: { deadLetter: inDoubt.name },
    timeout: '10s',
    concurrency: 4,
  })
}

/** Service B: calls, and writes the results. */
export function activate(activateProduct: ActivateProduct): Pipeline {
  return activationCalls(activateProduct).to(activated)
}
