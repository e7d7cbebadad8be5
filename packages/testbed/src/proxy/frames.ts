/** A request or an answer of Kafka's protocol. */
export interface Frame {
  readonly direction: Direction
  /** The API key; of an answer, that of its request. */
  readonly api: number
  readonly clientId: string
  /** With the length in front. */
  readonly bytes: Buffer
}

export type Direction = 'request' | 'answer'

/** Puts the frames of a byte stream together again. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  readonly #chunks: Buffer[] = []
  #length = 0

  /** Answers the frames that are whole now, with their lengths. */
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

/** Knows which answer belongs to which request of one connection. */
export class FrameNames {
  readonly #requests = new Map<number, { readonly api: number; readonly clientId: string }>()
  #clientId = ''

  /** Who is at the other end; empty before the first request. */
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

  answer(bytes: Buffer): Frame {
    const correlation = bytes.readInt32BE(4)
    const { api = -1, clientId = this.#clientId } = this.#requests.get(correlation) ?? {}
    this.#requests.delete(correlation)
    return { direction: 'answer', api, clientId, bytes }
  }
}
