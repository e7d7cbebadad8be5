import { Duplex } from 'node:stream'
import { type Api, type ApiCodec, apiCodec, encode, type SentResponseOf } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { ResponseReader } from '../../src/protocol/codec/response-reader.js'
import { APIS } from '../protocol/apis.js'

/** A request that has arrived at the other end of a socket. */
export interface Arrived {
  readonly api: Api
  readonly version: number
  readonly request: unknown
  /** Sends a response back. */
  respond<A extends Api>(api: A, response: SentResponseOf<A>): void
}

/** The client's end of a connection to a fake broker, which decodes what is written. */
export class FakeSocket extends Duplex {
  readonly #arrived: (request: Arrived) => void
  #bytes: Buffer = Buffer.alloc(0)

  constructor(arrived: (request: Arrived) => void) {
    super()
    this.#arrived = arrived
  }

  setNoDelay(): void {}
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readInt32BE(0)) {
      const end = 4 + this.#bytes.readInt32BE(0)
      const frame = this.#bytes.subarray(4, end)
      this.#bytes = this.#bytes.subarray(end)
      this.#arrive(frame)
    }
    done()
  }

  #arrive(frame: Buffer): void {
    const key = frame.readInt16BE(0)
    const number = frame.readInt16BE(2)
    const correlation = frame.subarray(4, 8)
    const api = APIS.find((each) => each.key === key) as Api
    const { version, request, response } = apiCodec(api, number)
    const reader = new ResponseReader(frame, 10 + frame.readInt16BE(8), api.name)
    if (version.isFlexible) reader.tags()
    const hasTags = version.isFlexible && key !== API_VERSIONS.key
    this.#arrived({
      api,
      version: number,
      request: request.read(reader),
      respond: <A extends Api>(_: A, value: SentResponseOf<A>) => {
        const body = encode(response as ApiCodec<A>['response'] & ApiCodec<Api>['response'] as never, value as never)
        const parts = [Buffer.alloc(4), correlation, Buffer.alloc(hasTags ? 1 : 0), ...body]
        const bytes = Buffer.concat(parts)
        bytes.writeInt32BE(bytes.length - 4, 0)
        if (!this.destroyed) this.push(bytes)
      },
    })
  }
}
