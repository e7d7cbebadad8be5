/** The most rows of one request. */
export const MAX_ROWS = 1_000
/** The most bytes of one script that writes, unless a single change is larger. */
export const MAX_WRITE_BYTES: number = 2 ** 20
/** Rows of the first read of a store with more bytes than one reply should have. */
const FIRST_ROWS = 32
/** How much smaller the next request is after a timeout, and by how much requests grow again. */
const SHRINK = 4
const GROW = 2
/** A reply within this part of the timeout is quick: a larger request would be in time too. */
const QUICK = 0.25
/** How fast the estimate follows smaller rows. It follows larger rows immediately. */
const SMOOTHING = 0.25

/**
 * How large the requests of a store may be. A link may be too narrow for what a batch of events needs: after a timeout, the
 * next request is smaller, so no request is repeated as it was.
 */
export class RequestSize {
  readonly #timeoutMs: number
  /** The bytes of a row, as far as replies have shown. */
  #rowBytes: number | undefined
  #maxRows = MAX_ROWS
  #maxWriteBytes = MAX_WRITE_BYTES

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** @returns how many rows to request, if all replies together should not have more than `bytes` */
  rows(bytes: number, storedBytes: number): number {
    return Math.max(1, Math.min(this.#maxRows, this.#rowsIn(bytes, storedBytes)))
  }

  #rowsIn(bytes: number, storedBytes: number): number {
    if (storedBytes <= bytes) return MAX_ROWS
    return this.#rowBytes === undefined ? FIRST_ROWS : Math.floor(bytes / this.#rowBytes)
  }

  /** The most bytes of a script that writes. */
  get writeBytes(): number {
    return this.#maxWriteBytes
  }

  /** @returns how large a read is, as text */
  readText(rows: number): string {
    const bytes = this.#rowBytes === undefined ? '' : `, about ${sizeText(rows * this.#rowBytes)}`
    return `a read of ${rows === 1 ? '1 row' : `${rows} rows`}${bytes}`
  }

  /** Rows have arrived: those of the requested ones that exist. */
  read(requested: number, found: number, bytes: number, tookMs: number): void {
    if (found > 0) {
      const average = bytes / found
      const known = this.#rowBytes ?? average
      this.#rowBytes = average > known ? average : known + (average - known) * SMOOTHING
    }
    // a smaller request proves nothing
    if (requested >= this.#maxRows && this.#isQuick(tookMs)) this.#maxRows = Math.min(MAX_ROWS, this.#maxRows * GROW)
  }

  /** A script has written. */
  wrote(bytes: number, tookMs: number): void {
    // chunks consist of whole changes
    if (bytes >= this.#maxWriteBytes / 2 && this.#isQuick(tookMs))
      this.#maxWriteBytes = Math.min(MAX_WRITE_BYTES, this.#maxWriteBytes * GROW)
  }

  readTimedOut(rows: number): void {
    this.#maxRows = Math.max(1, Math.min(this.#maxRows, Math.floor(rows / SHRINK)))
  }

  writeTimedOut(bytes: number): void {
    this.#maxWriteBytes = Math.max(1, Math.min(this.#maxWriteBytes, Math.floor(bytes / SHRINK)))
  }

  #isQuick(tookMs: number): boolean {
    return tookMs <= this.#timeoutMs * QUICK
  }
}

const KILO = 1_000
const MEGA = 1_000_000

/** @returns a number of bytes for messages */
export function sizeText(bytes: number): string {
  if (bytes < KILO) return `${Math.round(bytes)} bytes`
  return bytes < MEGA ? `${Math.round(bytes / KILO)} kB` : `${(bytes / MEGA).toFixed(1)} MB`
}
