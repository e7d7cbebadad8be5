import { type Call, type CallOnce, type Duration, type Pipeline, stream } from '@joinery/core'
import { type Activated, type Notification, type Topics, topics } from './topics.js'

/** Makes the request of a call; answers its status. */
export type Send = (notification: Notification, call: Call<string | null>) => Promise<number>

/** Over HTTP. Whatever the service answers counts as the call: a 503 is a result, not a reason to call again. */
export function post(url: string): Send {
  return async (notification, call) => {
    const headers = { 'content-type': 'application/json' }
    const { status } = await call.fetch(url, { method: 'POST', headers, body: JSON.stringify(notification) })
    return status
  }
}

/** The calls of service B: one for each activation, whatever happens; where nobody can know, it is told as in doubt. */
export function callsBy(
  send: Send,
  { notifications, doubts }: Topics = topics,
  timeout: Duration = '10s',
): CallOnce<string, Activated> {
  return stream(notifications).callOnce(
    async (notification, call) => ({
      activationId: notification.activationId,
      status: await send(notification, call),
    }),
    { inDoubt: { deadLetter: doubts.name }, timeout, concurrency: 4 },
  )
}

/** Service B: calls, and writes what came of it. */
export function activate(send: Send, to: Topics = topics, timeout?: Duration): Pipeline {
  return callsBy(send, to, timeout).to(to.activated)
}
