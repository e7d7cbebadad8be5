import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Notification } from './topics.js'

/** A call as the service received it. */
export interface ReceivedCall {
  /** The `idempotency-key` header: who honours it can tell a repeated call, this service does not. */
  readonly callId: string
  readonly activationId: string
  readonly externalId: string
}

/** A stand-in for the external REST service. */
export interface RestService extends AsyncDisposable {
  readonly url: string
  /** Every call, written down before it is answered. */
  readonly calls: readonly ReceivedCall[]
}

/** Serves `POST /activations` on a free port of this machine. */
export async function startRestService(): Promise<RestService> {
  const calls: ReceivedCall[] = []
  const server = createServer(async (request, response) => {
    const answer = (status: number) => response.writeHead(status, { 'content-length': 0 }).end()
    const parts: Buffer[] = []
    try {
      for await (const part of request) parts.push(part)
    } catch {
      return // the caller went away before it had sent everything: not a call
    }
    const callId = request.headers['idempotency-key']
    if (request.method !== 'POST' || request.url !== '/activations' || typeof callId !== 'string') return answer(400)
    const { activationId, externalId } = JSON.parse(Buffer.concat(parts).toString()) as Notification
    calls.push({ callId, activationId, externalId })
    answer(204)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/activations`,
    calls,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
