import type { Change } from '../../src/store.js'
import { SharedStore, type SharedStoreClass } from './shared-stores.js'

/** A store with one mistake, and the test of the suite that has to find it. */
export interface WrongStore {
  /** Completes "a store that". */
  readonly what: string
  readonly section: string
  /** A part of the title of the test. */
  readonly test: string
  readonly Store: SharedStoreClass
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Mistakes in keys, values and commits. */
export const WRONG_CONTENTS: readonly WrongStore[] = [
  {
    what: 'treats an empty value as a deletion',
    section: 'keys and values',
    test: 'an empty value is a value',
    Store: class extends SharedStore {
      override apply({ key, value }: Change): void {
        super.apply({ key, value: value?.length === 0 ? null : value })
      }
    },
  },
  {
    what: 'ignores the empty key',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends SharedStore {
      override apply(change: Change): void {
        if (change.key.length > 0) super.apply(change)
      }
    },
  },
  {
    what: 'decodes keys as text',
    section: 'keys and values',
    test: 'all byte values are distinct',
    Store: class extends SharedStore {
      override keyOf(key: Uint8Array): string {
        return Buffer.from(key).toString('utf8')
      }
    },
  },
  {
    what: 'ignores the case of keys',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends SharedStore {
      override keyOf(key: Uint8Array): string {
        return text(key).toLowerCase()
      }
    },
  },
  {
    what: 'truncates long keys',
    section: 'keys and values',
    test: 'very long keys',
    Store: class extends SharedStore {
      override keyOf(key: Uint8Array): string {
        return text(key.subarray(0, 511))
      }
    },
  },
  {
    what: 'deletes all keys that begin with the deleted key',
    section: 'keys and values',
    test: 'deleting a key keeps keys',
    Store: class extends SharedStore {
      override apply(change: Change): void {
        super.apply(change)
        if (change.value !== null || change.key.length === 0) return
        const prefix = text(change.key)
        for (const key of this.contents.rows.keys()) if (key.startsWith(prefix)) this.contents.rows.delete(key)
      }
    },
  },
  {
    what: 'stores its position among the rows',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends SharedStore {
      override async setPosition(position: string): Promise<void> {
        this.apply({ key: Buffer.from('position'), value: Buffer.from(position) })
        await super.setPosition(position)
      }
    },
  },
  {
    what: 'returns one value for a key that is requested twice',
    section: 'keys and values',
    test: 'values are in the order of the requested keys',
    Store: class extends SharedStore {
      override getMany(keys: readonly Uint8Array[]) {
        return super.getMany([...new Map(keys.map((key) => [text(key), key])).values()])
      }
    },
  },
  {
    what: 'returns views of a buffer that it reuses',
    section: 'keys and values',
    test: 'returned bytes never change',
    Store: class extends SharedStore {
      readonly #page = Buffer.alloc(32 * 2 ** 20)
      override async getMany(keys: readonly Uint8Array[]) {
        let end = 0
        return (await super.getMany(keys)).map((value) => {
          if (value === undefined) return undefined
          const start = end
          end += value.length
          this.#page.set(value, start)
          return this.#page.subarray(start, end)
        })
      }
    },
  },
  {
    what: 'applies deletions after all puts',
    section: 'commits',
    test: 'the last change of a key wins',
    Store: class extends SharedStore {
      override commit(changes: readonly Change[], position: string) {
        const puts = changes.filter(({ value }) => value !== null)
        return super.commit([...puts, ...changes.filter(({ value }) => value === null)], position)
      }
    },
  },
  {
    what: 'writes the position before the changes',
    section: 'commits',
    test: 'that fails leaves the position',
    Store: class extends SharedStore {
      override async commit(changes: readonly Change[], position: string) {
        await this.setPosition(position)
        await super.commit(changes, position)
      }
    },
  },
  {
    what: 'ignores all changes after the first thousand',
    section: 'commits',
    test: 'a commit can have 10 000 changes',
    Store: class extends SharedStore {
      override commit(changes: readonly Change[], position: string) {
        return super.commit(changes.slice(0, 1_000), position)
      }
    },
  },
  {
    what: 'evicts rows silently',
    section: 'commits',
    test: 'a commit can have 10 000 changes',
    Store: class extends SharedStore {
      override apply(change: Change): void {
        super.apply(change)
        const [oldest] = this.contents.rows.keys()
        if (this.contents.rows.size > 5_000 && oldest !== undefined) this.contents.rows.delete(oldest)
      }
    },
  },
  {
    what: 'trims positions',
    section: 'commits',
    test: 'the position is exactly that of the last commit',
    Store: class extends SharedStore {
      override setPosition(position: string) {
        return super.setPosition(position.trim())
      }
    },
  },
  {
    what: 'treats an empty position as none',
    section: 'commits',
    test: 'the position is exactly that of the last commit',
    Store: class extends SharedStore {
      override async setPosition(position: string) {
        await super.setPosition(position)
        this.position = position || undefined
      }
    },
  },
]
