import type { Change } from '../../src/store.js'
import { PlaceStore, type PlaceStoreClass } from './place-stores.js'

/** A store with one mistake, and the section of the suite that has to find it. */
export interface WrongStore {
  readonly what: string
  readonly section: string
  /** In the title of a test that fails. */
  readonly test: string
  readonly Store: PlaceStoreClass
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Wrong about keys, values and commits. */
export const WRONG_CONTENTS: readonly WrongStore[] = [
  {
    what: 'takes an empty value for a deletion',
    section: 'keys and values',
    test: 'an empty value is a value',
    Store: class extends PlaceStore {
      override apply({ key, value }: Change): void {
        super.apply({ key, value: value?.length === 0 ? null : value })
      }
    },
  },
  {
    what: 'has no row for the empty key',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends PlaceStore {
      override apply(change: Change): void {
        if (change.key.length > 0) super.apply(change)
      }
    },
  },
  {
    what: 'takes keys for text',
    section: 'keys and values',
    test: 'every byte is told from every other',
    Store: class extends PlaceStore {
      override keyOf(key: Uint8Array): string {
        return Buffer.from(key).toString('utf8')
      }
    },
  },
  {
    what: 'takes keys of different composition or case for the same text',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends PlaceStore {
      override keyOf(key: Uint8Array): string {
        return text(key).toLowerCase()
      }
    },
  },
  {
    what: 'cuts long keys off',
    section: 'keys and values',
    test: 'very long keys',
    Store: class extends PlaceStore {
      override keyOf(key: Uint8Array): string {
        return text(key.subarray(0, 511))
      }
    },
  },
  {
    what: 'deletes all keys that begin like the one to delete',
    section: 'keys and values',
    test: 'deleting a key leaves those',
    Store: class extends PlaceStore {
      override apply(change: Change): void {
        super.apply(change)
        if (change.value !== null || change.key.length === 0) return
        const prefix = text(change.key)
        for (const key of this.contents.rows.keys()) if (key.startsWith(prefix)) this.contents.rows.delete(key)
      }
    },
  },
  {
    what: 'keeps its position among the rows',
    section: 'keys and values',
    test: 'that look empty',
    Store: class extends PlaceStore {
      override async move(position: string): Promise<void> {
        this.apply({ key: Buffer.from('position'), value: Buffer.from(position) })
        await super.move(position)
      }
    },
  },
  {
    what: 'answers a key once that was asked for twice',
    section: 'keys and values',
    test: 'values come in the order of the keys',
    Store: class extends PlaceStore {
      override getMany(keys: readonly Uint8Array[]) {
        return super.getMany([...new Map(keys.map((key) => [text(key), key])).values()])
      }
    },
  },
  {
    what: 'answers views of a buffer that it uses again',
    section: 'keys and values',
    test: 'bytes that were answered stay',
    Store: class extends PlaceStore {
      readonly #page = Buffer.alloc(32 * 2 ** 20)
      override async getMany(keys: readonly Uint8Array[]) {
        let at = 0
        return (await super.getMany(keys)).map((value) => {
          if (value === undefined) return undefined
          const begin = at
          at += value.length
          this.#page.set(value, begin)
          return this.#page.subarray(begin, at)
        })
      }
    },
  },
  {
    what: 'deletes after it has put',
    section: 'commits',
    test: 'the last change of a key counts',
    Store: class extends PlaceStore {
      override commit(changes: readonly Change[], position: string) {
        const puts = changes.filter(({ value }) => value !== null)
        return super.commit([...puts, ...changes.filter(({ value }) => value === null)], position)
      }
    },
  },
  {
    what: 'writes the position before the changes',
    section: 'commits',
    test: 'that breaks off leaves the position',
    Store: class extends PlaceStore {
      override async commit(changes: readonly Change[], position: string) {
        await this.move(position)
        await super.commit(changes, position)
      }
    },
  },
  {
    what: 'forgets what comes behind a thousand changes',
    section: 'commits',
    test: '10 000 changes are one commit',
    Store: class extends PlaceStore {
      override commit(changes: readonly Change[], position: string) {
        return super.commit(changes.slice(0, 1_000), position)
      }
    },
  },
  {
    what: 'evicts in silence',
    section: 'commits',
    test: '10 000 changes are one commit',
    Store: class extends PlaceStore {
      override apply(change: Change): void {
        super.apply(change)
        const [oldest] = this.contents.rows.keys()
        if (this.contents.rows.size > 5_000 && oldest !== undefined) this.contents.rows.delete(oldest)
      }
    },
  },
  {
    what: 'takes positions for trimmed text',
    section: 'commits',
    test: 'the position is what the last commit gave',
    Store: class extends PlaceStore {
      override move(position: string) {
        return super.move(position.trim())
      }
    },
  },
  {
    what: 'takes an empty position for none',
    section: 'commits',
    test: 'the position is what the last commit gave',
    Store: class extends PlaceStore {
      override async move(position: string) {
        await super.move(position)
        this.position = position || undefined
      }
    },
  },
]
