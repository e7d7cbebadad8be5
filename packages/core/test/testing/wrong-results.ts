import type { Change } from '../../src/store.js'
import { SharedStore } from './shared-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** Results of another shape, as drivers and databases return them. */
export const WRONG_RESULTS: readonly WrongStore[] = [
  {
    what: 'has another name for getMany',
    section: 'results',
    test: 'open returns a store with the methods',
    Store: class extends SharedStore {
      override getMany = undefined as never
      readonly getAll = super.getMany
    },
  },
  {
    what: 'returns only the rows that there are, as IN of SQL does',
    section: 'results',
    test: 'one value for each key',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        return (await super.getMany(keys)).filter((row) => row !== undefined)
      }
    },
  },
  {
    what: 'returns each row once for keys that are requested twice',
    section: 'results',
    test: 'one value for each key',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        const unique = new Map(keys.map((key) => [this.keyOf(key), key]))
        return super.getMany([...unique.values()])
      }
    },
  },
  {
    what: 'returns a Map of rows',
    section: 'results',
    test: 'one value for each key',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        const rows = await super.getMany(keys)
        return new Map(keys.map((key, i) => [key, rows[i]])) as never
      }
    },
  },
  {
    what: 'returns null for no row',
    section: 'results',
    test: 'undefined where there is no row',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        return (await super.getMany(keys)).map((row) => row ?? null) as never
      }
    },
  },
  {
    what: 'returns texts',
    section: 'results',
    test: 'getMany returns bytes',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        return (await super.getMany(keys)).map((row) => row && Buffer.from(row).toString('latin1')) as never
      }
    },
  },
  {
    what: 'returns parsed JSON where there is some',
    section: 'results',
    test: 'getMany returns bytes',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        const parsed = (row: Uint8Array | undefined) => {
          const text = row && Buffer.from(row).toString('latin1')
          return text?.startsWith('{') ? JSON.parse(text) : row
        }
        return (await super.getMany(keys)).map(parsed)
      }
    },
  },
  {
    what: 'returns a promise of its entries',
    section: 'results',
    test: 'entries returns an iterable',
    Store: class extends SharedStore {
      override entries() {
        return Promise.resolve([...this.contents.rows.values()]) as never
      }
    },
  },
  {
    what: 'yields entries as objects',
    section: 'results',
    test: 'entries returns an iterable',
    Store: class extends SharedStore {
      override async *entries() {
        for await (const [key, value] of super.entries()) yield { key, value } as never
      }
    },
  },
  {
    what: 'yields keys as texts',
    section: 'results',
    test: 'entries returns an iterable',
    Store: class extends SharedStore {
      override async *entries() {
        for await (const [key, value] of super.entries()) yield [Buffer.from(key).toString('latin1'), value] as never
      }
    },
  },
  {
    what: 'yields null for empty values',
    section: 'results',
    test: 'entries returns an iterable',
    Store: class extends SharedStore {
      override async *entries() {
        for await (const [key, value] of super.entries()) yield [key, value.length === 0 ? null : value] as never
      }
    },
  },
  {
    what: 'has null for no position',
    section: 'results',
    test: 'undefined before the first',
    Store: class extends SharedStore {
      override position = this.contents.position ?? (null as never)
    },
  },
  {
    what: 'parses its position',
    section: 'results',
    test: 'position is the text of the last commit',
    Store: class extends SharedStore {
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        await super.commit(changes, position)
        this.position = /^\d+$/.test(position) ? (Number(position) as never) : position
      }
    },
  },
  {
    what: 'has its size as a text',
    section: 'results',
    test: 'storedBytes and lostRows are numbers',
    Store: class extends SharedStore {
      readonly storedBytes = '0' as never
    },
  },
  {
    what: 'has null for the number of rows that it has evicted',
    section: 'results',
    test: 'storedBytes and lostRows are numbers',
    Store: class extends SharedStore {
      readonly lostRows = null as never
    },
  },
]
