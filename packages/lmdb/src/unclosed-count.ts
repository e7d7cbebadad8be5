import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Counts the processes in a row that opened the files and did not close them. Damaged pages can end each process that reads
 * them, without a word.
 */
export class UnclosedCount {
  readonly #file: string

  constructor(directory: string) {
    this.#file = join(directory, 'unclosed')
  }

  /** @returns whether the limit is reached; the count begins again then */
  opened(limit: number): boolean {
    const unclosed = this.#read()
    const isReached = unclosed >= limit
    try {
      writeFileSync(this.#file, String(isReached ? 1 : unclosed + 1))
    } catch {
      // a disk that is full does not prevent reads
    }
    return isReached
  }

  closed(): void {
    rmSync(this.#file, { force: true })
  }

  #read(): number {
    try {
      return Number.parseInt(readFileSync(this.#file, 'utf8'), 10) || 0
    } catch {
      return 0
    }
  }
}
