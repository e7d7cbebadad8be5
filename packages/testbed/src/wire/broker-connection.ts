import { connect, type Socket } from 'node:net'

const CLIENT_ID = 'testbed'
const RESPONSE_MS = 10_000

/** One connection to a broker, for one request at a time. The protocol versions in use have neither tags nor compact types. */
export class BrokerConnection {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #correlation = 0
  #onResponse: ((body: Buffer) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param broker as `host:port` */
  static async open(broker: string): Promise<BrokerConnection> {
    const [host = '', port = ''] = broker.split(':')
    const socket = connect(Number(port), host)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new BrokerConnection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (error) => this.#failed?.(error))
    socket.on('close', () => this.#failed?.(new Error('the broker closed the connection')))
  }

  /** @returns the body after the header */
  request(api: number, version: number, body: Buffer): Promise<Buffer> {
    const asked = this.#last.then(() => this.#ask(api, version, body))
    this.#last = asked.catch(() => {})
    return asked
  }

  close(): void {
    this.#socket.destroy()
  }

  #ask(api: number, version: number, body: Buffer): Promise<Buffer> {
    const head = Buffer.alloc(14 + CLIENT_ID.length)
    head.writeInt32BE(head.length - 4 + body.length, 0)
    head.writeInt16BE(api, 4)
    head.writeInt16BE(version, 6)
    head.writeInt32BE(++this.#correlation, 8)
    head.writeInt16BE(CLIENT_ID.length, 12)
    head.write(CLIENT_ID, 14)
    return new Promise<Buffer>((resolve, reject) => {
      const late = setTimeout(() => {
        this.close()
        reject(new Error(`a broker did not respond to request ${api} within ${RESPONSE_MS} ms`))
      }, RESPONSE_MS)
      this.#onResponse = (response) => {
        clearTimeout(late)
        resolve(response)
      }
      this.#failed = (error) => {
        clearTimeout(late)
        reject(error)
      }
      if (this.#socket.destroyed) this.#failed(new Error('the connection was closed'))
      else this.#socket.write(Buffer.concat([head, body]))
    })
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    if (this.#received.length < 4) return
    const end = 4 + this.#received.readInt32BE(0)
    if (this.#received.length < end) return
    const response = this.#received.subarray(8, end)
    this.#received = this.#received.subarray(end)
    this.#onResponse?.(response)
  }
}
