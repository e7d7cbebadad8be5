import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { atEnd } from './servers.js'

const CRLF = '\r\n'
const bulk = (text: string) => `$${text.length}${CRLF}${text}${CRLF}`

/** A server that speaks enough of the protocol for a store that is empty, and responds to some commands as a test wants. */
export interface FakeServer {
  readonly url: string
  /** The commands that have arrived, in lower case. */
  readonly commands: string[]
  /** Error replies by command, in lower case. */
  readonly errors: Map<string, string>
}

const replies: Readonly<Record<string, string>> = {
  hello: `-ERR unknown command 'HELLO'${CRLF}`,
  info: bulk(`role:master${CRLF}maxmemory_policy:noeviction${CRLF}`),
  evalsha: `*3${CRLF}${bulk('opened')}$-1${CRLF}${bulk('0')}`,
}

/** It is closed after the test. */
export async function fakeServer(): Promise<FakeServer> {
  const sockets = new Set<Socket>()
  const fake: FakeServer = { url: '', commands: [], errors: new Map() }
  const server = createServer((socket) => {
    sockets.add(socket)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (data) => {
      text += data.toString('latin1')
      for (let command = nextCommand(text); command !== undefined; command = nextCommand(text)) {
        text = text.slice(command.length)
        fake.commands.push(command.name)
        const error = fake.errors.get(command.name)
        socket.write(error === undefined ? (replies[command.name] ?? `+OK${CRLF}`) : `-${error}${CRLF}`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return Object.assign(fake, { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** @returns the first command of the text, if it is complete: `*2 $3 GET $1 a`, each with a line end */
function nextCommand(text: string): { readonly name: string; readonly length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return undefined
  let at = head[0].length
  let name = ''
  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at))
    if (size === null) return undefined
    const from = at + size[0].length
    if (i === 0) name = text.slice(from, from + Number(size[1])).toLowerCase()
    at = from + Number(size[1]) + CRLF.length
    if (text.length < at) return undefined
  }
  return { name, length: at }
}
