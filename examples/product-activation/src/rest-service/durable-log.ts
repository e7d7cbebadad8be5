import { type FileHandle, open } from 'node:fs/promises'

/** Lines in a file that are on the disk before anybody goes on. Lines that come while one write runs share the next. */
export class DurableLog implements AsyncDisposable {
  readonly #file: FileHandle
  #waiting: string[] = []
  #next: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<DurableLog> {
    return new DurableLog(await open(path, 'a'))
  }

  /** Resolves once the line is on the disk. */
  append(line: string): Promise<void> {
    this.#waiting.push(`${line}\n`)
    if (this.#next === undefined) {
      this.#next = this.#writing.then(() => this.#write())
      this.#writing = this.#next.catch(() => {}) // who appended is told
    }
    return this.#next
  }

  async #write(): Promise<void> {
    const lines = this.#waiting.join('')
    this.#waiting = []
    this.#next = undefined
    await this.#file.appendFile(lines)
    await this.#file.datasync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing
    await this.#file.close()
  }
}
