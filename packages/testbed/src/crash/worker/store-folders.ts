import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The folders for stores of workers. A folder is used by several workers in succession. */
export class StoreFolders {
  readonly #root: string
  /** Names of workers, by the numbers of their folders. */
  readonly #owners: string[] = []

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Assigns a folder that no living worker uses, so that stores of earlier workers, possibly outdated, are opened again.
   *
   * @param alive names of the workers that have not ended
   */
  async assign(name: string, alive: ReadonlySet<string>): Promise<{ readonly path: string }> {
    const free = this.#owners.findIndex((owner) => !alive.has(owner))
    const at = free < 0 ? this.#owners.length : free
    this.#owners[at] = name
    const path = join(this.#root, `${at}`)
    await mkdir(path, { recursive: true })
    return { path }
  }
}
