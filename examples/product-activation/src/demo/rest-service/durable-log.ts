import { type FileHandle, open } from 'node:fs/promises'

/** A file of lines, each of which is on disk before its writer continues. Lines that arrive during a write share the next one. */
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
      this.#writing = this.#next.catch(() => {}) // the caller of `append` handles it
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
