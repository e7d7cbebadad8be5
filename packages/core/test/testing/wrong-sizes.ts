import type { Change } from '../../src/store.js'
import { SharedStore } from './shared-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** A store that knows the bytes of its rows. */
export class MeasuredStore extends SharedStore {
  get storedBytes(): number | undefined {
    let bytes = 0
    for (const [key, value] of this.contents.rows.values()) bytes += key.length + value.length
    return bytes
  }
}

/** Mistakes in the size of a store. */
export const WRONG_SIZES: readonly WrongStore[] = [
  {
    what: 'counts values without their keys',
    section: 'size',
    test: 'counts new rows',
    Store: class extends MeasuredStore {
      override get storedBytes(): number {
        let bytes = 0
        for (const [, value] of this.contents.rows.values()) bytes += value.length
        return bytes
      }
    },
  },
  {
    what: 'counts a row again each time it is written',
    section: 'size',
    test: 'counts new rows',
    Store: class extends MeasuredStore {
      #bytes = 0
      override get storedBytes(): number {
        return this.#bytes
      }
      override apply(change: Change): void {
        if (change.value !== null) this.#bytes += change.key.length + change.value.length
        else this.#bytes -= change.key.length + (this.get(change.key)?.length ?? -change.key.length)
        super.apply(change)
      }
    },
  },
  {
    what: 'does not count deletions',
    section: 'size',
    test: 'shrinks when rows are deleted',
    Store: class extends MeasuredStore {
      #most = 0
      override get storedBytes(): number {
        this.#most = Math.max(this.#most, super.storedBytes ?? 0)
        return this.#most
      }
    },
  },
  {
    what: 'counts only what its own owner has written',
    section: 'size',
    test: 'a later owner finds the size',
    Store: class extends MeasuredStore {
      #before = super.storedBytes ?? 0
      override get storedBytes(): number {
        return (super.storedBytes ?? 0) - this.#before
      }
    },
  },
  {
    what: 'knows its size only after a commit',
    section: 'size',
    test: 'always known, or never',
    Store: class extends MeasuredStore {
      #hasCommitted = false
      override get storedBytes(): number | undefined {
        return this.#hasCommitted ? super.storedBytes : undefined
      }
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        await super.commit(changes, position)
        this.#hasCommitted = true
      }
    },
  },
]
