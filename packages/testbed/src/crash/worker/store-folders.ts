import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Folders that workers keep stores in, one after the other. */
export class StoreFolders {
  readonly #root: string
  /** Names of workers, by the numbers of their folders. */
  readonly #owners: string[] = []

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Gives a worker a folder that no living one has, so that stores that others have left there, maybe long ago, are
   * found again.
   *
   * @param alive names of the workers that have not ended
   */
  async give(name: string, alive: ReadonlySet<string>): Promise<{ readonly path: string }> {
    const free = this.#owners.findIndex((owner) => !alive.has(owner))
    const at = free < 0 ? this.#owners.length : free
    this.#owners[at] = name
    const path = join(this.#root, `${at}`)
    await mkdir(path, { recursive: true })
    return { path }
  }
}
