import { type Change, keyText } from '@joinery/core/store'

/** Commits that can still be lost. */
const KEPT = 8

/** One store as it lies on a disk, with the way back of its last commits. */
export class StoredState {
  readonly rows: Map<string, readonly [key: Uint8Array, value: Uint8Array]> = new Map()
  position: string | undefined
  token = -1
  /** Changes when it comes back as it was earlier, under those who have it open. */
  incarnation = 0
  #opened = 0
  readonly #undo: (() => void)[][] = []

  /** Somebody has it open from now on. */
  open(token: number): void {
    this.token = token
    this.#opened = this.incarnation
  }

  /** Whether it has lost something since it was opened: who has it open notices when he looks at it next. */
  get hasLost(): boolean {
    return this.#opened !== this.incarnation
  }

  /** What is changed from now on is lost together. */
  begin(): void {
    this.#undo.push([])
    if (this.#undo.length > KEPT) this.#undo.shift()
  }

  change({ key, value }: Change): void {
    const text = keyText(key)
    const before = this.rows.get(text)
    this.#undo.at(-1)?.push(() => (before === undefined ? this.rows.delete(text) : this.rows.set(text, before)))
    if (value === null) this.rows.delete(text)
    else this.rows.set(text, [key, value])
  }

  move(position: string | undefined): void {
    const before = this.position
    this.#undo.at(-1)?.push(() => {
      this.position = before
    })
    this.position = position
  }

  clear(): void {
    for (const [key] of [...this.rows.values()]) this.change({ key, value: null })
    this.move(undefined)
  }

  /** A disk that was replaced, or a server that was emptied. */
  wipe(): void {
    this.#undo.length = 0
    this.rows.clear()
    this.position = undefined
    this.incarnation++
  }

  /** The last commits were never written down: a power failure, or a fail-over to a replica that lagged. */
  lose(commits: number): void {
    for (let i = 0; i < commits; i++) for (const undo of this.#undo.pop()?.reverse() ?? []) undo()
    this.incarnation++
  }
}

/** What outlives processes: a disk, or a server that all share. */
export class SimDisk {
  readonly #states = new Map<string, StoredState>()

  state(id: string): StoredState {
    const found = this.#states.get(id) ?? new StoredState()
    this.#states.set(id, found)
    return found
  }

  get states(): readonly StoredState[] {
    return [...this.#states.values()]
  }
}
