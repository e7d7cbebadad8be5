import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Notification } from '../topics.js'
import { DurableLog } from './durable-log.js'

/** What the service does with a request. `reset-before`: nothing of it is read; the others write it down first. */
export type Behaviour = 'answer' | 'slow' | 'reset-before' | 'reset-after' | 'redirect' | 'fail' | 'hang'

/** A call as the service received it. */
export interface ReceivedCall {
  /** The `idempotency-key` header: who honours it can tell a repeated call, this service does not. */
  readonly callId: string
  readonly activationId: string
  readonly externalId: string
  /** What it answers, or would have answered. */
  readonly status: number
}

/** How it is set up. */
export interface RestServiceOptions {
  /** Where calls are written down. */
  readonly file: string
  /** Connections are counted from 1; each carries one request. */
  readonly behaviour?: (connection: number) => Behaviour
  /** Told of a call that was written down, before anything else happens. */
  readonly received?: (connection: number, call: ReceivedCall) => void
}

/** A stand-in for the external REST service. */
export interface RestService extends AsyncDisposable {
  readonly url: string
  /** Every call, written down before anything is done about it. */
  readonly calls: readonly ReceivedCall[]
}

const STATUS: Readonly<Record<Behaviour, number>> = {
  answer: 204,
  slow: 204,
  'reset-before': 204,
  'reset-after': 204,
  redirect: 307,
  fail: 503,
  hang: 204,
}
const SLOW_MS = 400
/** Until the request lies in the socket, and is thrown away with it. */
const UNREAD_MS = 50

/** Serves `POST /activations` on a free port of this machine. */
export async function startRestService(options: RestServiceOptions): Promise<RestService> {
  const { file, behaviour = () => 'answer', received } = options
  const log = await DurableLog.open(file)
  const calls: ReceivedCall[] = []
  const connections = new Map<Socket, number>()
  let count = 0

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const connection = connections.get(request.socket) ?? 0
    const does = behaviour(connection)
    const answer = (status: number) => response.writeHead(status, { 'content-length': 0, location: '/elsewhere' }).end()
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const callId = request.headers['idempotency-key']
    if (request.method !== 'POST' || request.url !== '/activations' || typeof callId !== 'string') {
      answer(400)
      return
    }
    const { activationId, externalId } = JSON.parse(Buffer.concat(parts).toString()) as Notification
    const call = { callId, activationId, externalId, status: STATUS[does] }
    await log.append(JSON.stringify(call))
    calls.push(call)
    received?.(connection, call)
    if (does === 'hang') return
    if (does === 'reset-after') request.socket.resetAndDestroy()
    else {
      if (does === 'slow') await delay(SLOW_MS)
      answer(call.status)
    }
  }
  const http = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy()) // the caller went away before it had sent everything
  })
  // in front, because an HTTP server reads whatever comes
  const front = createTcpServer({ pauseOnConnect: true }, (socket) => {
    const connection = ++count
    connections.set(socket, connection)
    socket.on('error', () => {}) // the caller went away
    socket.on('close', () => connections.delete(socket))
    if (behaviour(connection) === 'reset-before') setTimeout(() => socket.resetAndDestroy(), UNREAD_MS)
    else {
      http.emit('connection', socket)
      socket.resume()
    }
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/activations`,
    calls,
    async [Symbol.asyncDispose]() {
      front.close()
      for (const socket of connections.keys()) socket.destroy()
      await once(front, 'close')
      await log[Symbol.asyncDispose]()
    },
  }
}

/** What a service wrote down. */
export async function readCalls(file: string): Promise<readonly ReceivedCall[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as ReceivedCall)
}
