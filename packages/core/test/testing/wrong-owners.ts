import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Change, keyText, type StoreId } from '../../src/store.js'
import { SharedStore } from './shared-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** Mistakes in the separation of stores and owners, and in what is kept after closing. */
export const WRONG_OWNERS: readonly WrongStore[] = [
  {
    what: 'concatenates names without a separator',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends SharedStore {
      static override nameOf({ application, name, partition }: StoreId): string {
        return application + name + partition
      }
    },
  },
  {
    what: 'concatenates names with a separator that names can contain',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends SharedStore {
      static override nameOf({ application, name, partition }: StoreId): string {
        return `${application}-${name}-${partition}`
      }
    },
  },
  {
    what: 'shares a table between the tasks',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends SharedStore {
      static override nameOf({ application, name }: StoreId): string {
        return JSON.stringify([application, name])
      }
    },
  },
  {
    what: 'is on a case-insensitive file system',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends SharedStore {
      static override nameOf(id: StoreId): string {
        return SharedStore.nameOf(id).toLowerCase()
      }
    },
  },
  {
    what: 'loses its position when it is closed',
    section: 'reopening',
    test: 'is reopened with its rows and its position',
    Store: class extends SharedStore {
      override async close(): Promise<void> {
        await super.close()
        if (this.contents.token === this.id.token) this.contents.position = undefined
      }
    },
  },
  {
    what: 'is reopened with its position and without its rows',
    section: 'reopening',
    test: 'is reopened with its rows and its position',
    Store: class extends SharedStore {
      override async close(): Promise<void> {
        await super.close()
        if (this.contents.token === this.id.token) this.contents.rows.clear()
      }
    },
  },
  {
    what: 'only hides deleted rows until it is reopened',
    section: 'reopening',
    test: 'is reopened with its rows and its position',
    Store: class extends SharedStore {
      readonly #hidden = new Set<string>()
      override apply(change: Change): void {
        if (change.value === null) this.#hidden.add(keyText(change.key))
        else {
          this.#hidden.delete(keyText(change.key))
          super.apply(change)
        }
      }
      override get(key: Uint8Array) {
        return this.#hidden.has(keyText(key)) ? undefined : super.get(key)
      }
      override async *entries() {
        for await (const entry of super.entries()) if (!this.#hidden.has(keyText(entry[0]))) yield entry
      }
    },
  },
  {
    what: 'gives each owner an empty store',
    section: 'owners',
    test: 'takes over the contents',
    Store: class extends SharedStore {
      override takeOver(): void {
        super.takeOver()
        this.contents.rows.clear()
        this.contents.position = undefined
        this.position = undefined
      }
    },
  },
  {
    what: 'never fences an owner',
    section: 'owners',
    test: 'the earlier owner is fenced',
    Store: class extends SharedStore {
      override isFenced(): boolean {
        return false
      }
    },
  },
  {
    what: 'makes the last to open the owner, whatever its token',
    section: 'owners',
    test: 'a token lower than that of the owner is rejected',
    Store: class extends SharedStore {
      override takeOver(): void {
        this.contents.token = this.id.token
        this.contents.changelogId = this.id.changelogId
      }
    },
  },
  {
    what: 'compares tokens of different changelogs',
    section: 'owners',
    test: 'tokens of different changelogs',
    Store: class extends SharedStore {
      override takeOver(): void {
        this.check()
        this.contents.token = this.id.token
      }
      override isFenced(): boolean {
        return this.id.token < this.contents.token
      }
    },
  },
  {
    what: 'does not fence the owner of another changelog',
    section: 'owners',
    test: 'tokens of different changelogs',
    Store: class extends SharedStore {
      override isFenced(): boolean {
        return this.id.changelogId === this.contents.changelogId && super.isFenced()
      }
    },
  },
  {
    what: 'checks for a later owner only when a commit begins',
    section: 'owners',
    test: 'reads changes nothing afterwards',
    Store: class extends SharedStore {
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        this.check()
        for (const [i, change] of changes.entries()) {
          if (i % 500 === 0) await nextTurn()
          this.apply(change)
        }
        this.contents.position = position
        this.position = position
      }
    },
  },
  {
    what: 'lets a fenced owner read',
    section: 'owners',
    test: 'the earlier owner is fenced',
    Store: class extends SharedStore {
      override async getMany(keys: readonly Uint8Array[]) {
        await nextTurn()
        return keys.map((key) => this.get(key))
      }
    },
  },
  {
    what: 'deletes its contents when an earlier owner closes it',
    section: 'owners',
    test: 'closing by an earlier owner does not close',
    Store: class extends SharedStore {
      override async close(): Promise<void> {
        await super.close()
        this.contents.rows.clear()
        this.contents.token = Number.POSITIVE_INFINITY
      }
    },
  },
]
