/** A request or a response of Kafka's protocol. */
export interface Frame {
  readonly direction: Direction
  /** The API key; for a response, that of its request. */
  readonly api: number
  readonly clientId: string
  /** Including the length prefix. */
  readonly bytes: Buffer
}

export type Direction = 'request' | 'response'

/** Splits a byte stream into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  readonly #chunks: Buffer[] = []
  #length = 0

  /** @returns the frames that are complete now, including their length prefixes */
  add(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const wanted = this.#rest.length >= 4 ? 4 + this.#rest.readInt32BE(0) : 4
    if (this.#rest.length + this.#length < wanted) return []
    let bytes = Buffer.concat([this.#rest, ...this.#chunks.splice(0)])
    this.#length = 0
    const frames: Buffer[] = []
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0)
      frames.push(bytes.subarray(0, end))
      bytes = bytes.subarray(end)
    }
    this.#rest = bytes
    return frames
  }
}

/** Matches responses to requests on one connection. */
export class FrameTracker {
  readonly #requests = new Map<number, { readonly api: number; readonly clientId: string }>()
  #clientId = ''

  /** The id of the client; empty before its first request. */
  get clientId(): string {
    return this.#clientId
  }

  request(bytes: Buffer): Frame {
    const api = bytes.readInt16BE(4)
    const length = bytes.readInt16BE(12)
    if (length > 0) this.#clientId = bytes.toString('utf8', 14, 14 + length)
    this.#requests.set(bytes.readInt32BE(8), { api, clientId: this.#clientId })
    return { direction: 'request', api, clientId: this.#clientId, bytes }
  }

  response(bytes: Buffer): Frame {
    const correlation = bytes.readInt32BE(4)
    const { api = -1, clientId = this.#clientId } = this.#requests.get(correlation) ?? {}
    this.#requests.delete(correlation)
    return { direction: 'response', api, clientId, bytes }
  }
}
