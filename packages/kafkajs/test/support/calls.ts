import { appendFileSync, closeSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type Call, type Duration, json, type Pipeline, stream, type Topic, text, topic } from '@joinery/core'

/** Where something happens to the process that makes a call. */
export type Point =
  | 'before the claim is sent'
  | 'the claim is rejected'
  | 'after the claim is committed'
  | 'the answer to the claim is lost'
  | 'before the request'
  | 'while connecting'
  | 'while the request is sent'
  | 'before the answer'
  | 'after the answer'
  | 'before the outcome is sent'
  | 'after the outcome is committed'
  | 'the answer to the outcome is lost'
  | 'the outcome is refused'
  | 'the outcome is said to be refused'
  | 'after the outcome is acknowledged'
  | 'frozen before the call'
  | 'frozen in the call'
  | 'frozen after the answer'
  | ''

/** What is asked for. */
export interface Asked {
  readonly n: number
}

/** The pipeline of calls, and its topics. */
export interface CallTopics {
  readonly asked: Topic<string, Asked>
  readonly results: Topic<string, { readonly status: number }>
  readonly inDoubt: string
  readonly pipeline: Pipeline
}

export function callTopics(
  id: string,
  timeout: string,
  connectMs: number,
  call: (asked: Asked, call: Call<string | null>) => Promise<{ readonly status: number }>,
): CallTopics {
  const asked = topic(`asked-${id}`, { key: text(), value: json<Asked>() })
  const results = topic(`results-${id}`, { key: text(), value: json<{ readonly status: number }>() })
  const inDoubt = `in-doubt-${id}`
  const pipeline = stream(asked)
    .callOnce(call, {
      inDoubt: { deadLetter: inDoubt },
      id: ({ n }) => `call-${n}`,
      timeout: timeout as Duration,
      connectTimeout: `${connectMs}ms`,
      concurrency: 1,
    })
    .to(results)
  return { asked, results, inDoubt, pipeline }
}

/** The external service: writes each request down before it acts, and ends the process that calls where it is told to. */
export class CallService implements AsyncDisposable {
  readonly #file: string
  readonly #server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://service')
    const point = url.searchParams.get('point')
    const pid = Number(url.searchParams.get('pid'))
    const kill = () => {
      // 0 would mean every process of this group
      if (!Number.isSafeInteger(pid) || pid <= 1)
        throw new Error(`${request.url} does not say which process makes the call`)
      process.kill(pid, 'SIGKILL')
    }
    const log = openSync(this.#file, 'a')
    appendFileSync(log, `${url.pathname.slice(1)}\n`)
    fsyncSync(log)
    closeSync(log)
    if (point === 'while the request is sent') {
      kill()
      return
    }
    request.resume().on('end', () => {
      if (point === 'before the answer') kill()
      else response.end('ok')
    })
  })
  readonly #hole = createTcpServer((socket) => {
    socket.on('error', () => {}) // the process was killed
    socket.resume() // or its end is never noticed, and the server never closed
    this.connected?.()
  })
  /** Called for each connection to the place where nothing is ever answered. */
  connected: (() => void) | undefined

  /** @param file where requests are written down */
  constructor(file: string) {
    this.#file = file
  }

  async start(): Promise<void> {
    await Promise.all(
      [this.#server, this.#hole].map(
        (server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)),
      ),
    )
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Connections are accepted there, and TLS is never answered. */
  get hole(): string {
    return `https://127.0.0.1:${(this.#hole.address() as AddressInfo).port}`
  }

  /** How many requests there were, by call. */
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
