/** Most records between two reads of the clock. */
const MOST = 8

/**
 * How many records of one partition functions run for between two reads of the clock. It begins with one record, so that functions
 * that are slow for every record are found with the first one. Once it has taken long for several records together, the clock is read
 * after each of them, for as long as the process runs.
 */
export class ChunkSize {
  #size = 1
  #isSlow = false

  /** @returns the number of records until the clock has to be read */
  next(): number {
    if (this.#isSlow) return 1
    const size = this.#size
    this.#size = Math.min(MOST, size * 2)
    return size
  }

  /** It has taken long to run functions for these records. */
  tookLong(): void {
    this.#isSlow = true
  }
}
