import { type Change, keyText } from '@joinery/core/store'

/** The number of recent commits that can be undone. */
const MAX_UNDO = 8

/** One store on a disk, with the changes to undo its last commits. */
export class StoredState {
  readonly rows: Map<string, readonly [key: Uint8Array, value: Uint8Array]> = new Map()
  position: string | undefined
  token = -1
  /** Changes whenever the store goes back to an earlier state. */
  incarnation = 0
  #openedIncarnation = 0
  readonly #undo: (() => void)[][] = []

  /** The bytes of all keys and values. */
  get bytes(): number {
    return [...this.rows.values()].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  }

  /** Marks the store as opened by an owner. */
  open(token: number): void {
    this.token = token
    this.#openedIncarnation = this.incarnation
  }

  /** Whether commits were undone since the store was opened. Its owner notices at its next access. */
  get hasLostCommits(): boolean {
    return this.#openedIncarnation !== this.incarnation
  }

  /** Starts a commit: the changes that follow are undone together. */
  beginCommit(): void {
    this.#undo.push([])
    if (this.#undo.length > MAX_UNDO) this.#undo.shift()
  }

  change({ key, value }: Change): void {
    const text = keyText(key)
    const before = this.rows.get(text)
    this.#undo.at(-1)?.push(() => (before === undefined ? this.rows.delete(text) : this.rows.set(text, before)))
    if (value === null) this.rows.delete(text)
    else this.rows.set(text, [key, value])
  }

  setPosition(position: string | undefined): void {
    const before = this.position
    this.#undo.at(-1)?.push(() => {
      this.position = before
    })
    this.position = position
  }

  clear(): void {
    for (const [key] of [...this.rows.values()]) this.change({ key, value: null })
    this.setPosition(undefined)
  }

  /** Simulates a replaced disk, or a server that was emptied. */
  wipe(): void {
    this.#undo.length = 0
    this.rows.clear()
    this.position = undefined
    this.incarnation++
  }

  /** Simulates commits that were never written: a power failure, or a failover to a replica that lagged. */
  undoCommits(commits: number): void {
    for (let i = 0; i < commits; i++) for (const undo of this.#undo.pop()?.reverse() ?? []) undo()
    this.incarnation++
  }
}

/** Storage that outlives processes: a disk, or a server that all instances share. */
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
