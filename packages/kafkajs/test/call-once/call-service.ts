import { appendFileSync, closeSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'

/** The reaction of the service to a request: `'whole'` when it has received all of it, `'head'` before it reads the body. */
export type Met = (n: string, part: 'head' | 'whole') => 'answer' | 'nothing' | Promise<'answer' | 'nothing'>

/** The external service: logs each request before anything else happens. */
export class CallService implements AsyncDisposable {
  readonly #file: string
  readonly #server = createServer(async (request, response) => {
    const n = (request.url ?? '').slice(1)
    const log = openSync(this.#file, 'a')
    appendFileSync(log, `${n}\n`)
    fsyncSync(log)
    closeSync(log)
    if ((await this.met(n, 'head')) === 'nothing') return
    request.resume().on('end', async () => {
      if ((await this.met(n, 'whole')) === 'answer') response.end('ok')
    })
  })
  readonly #hole = createTcpServer((socket) => {
    socket.on('error', () => {}) // the process was killed
    socket.resume() // otherwise the end of the connection is not noticed, and the server never closes
    this.connected()
  })
  /** Its reaction to requests. */
  met: Met = () => 'answer'
  /** Called for each connection to {@link hole}. */
  connected: () => void = () => {}

  /** @param file where requests are logged */
  constructor(file: string) {
    this.#file = file
  }

  async start(): Promise<void> {
    const listening = (server: Server) =>
      new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
    await Promise.all([this.#server, this.#hole].map(listening))
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`
  }

  /** A URL where connections are accepted, but get no response to their TLS handshake. */
  get hole(): string {
    return `https://127.0.0.1:${portOf(this.#hole)}`
  }

  /** The number of requests, by call. */
  get requests(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    let text = ''
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch {
      return counts // there was none
    }
    for (const n of text.trim().split('\n')) counts.set(n, (counts.get(n) ?? 0) + 1)
    return counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await Promise.all([this.#server, this.#hole].map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
