import { setImmediate as turn } from 'node:timers/promises'
import { type Change, keyText, type StoreId } from '../../src/store.js'
import { PlaceStore } from './place-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** Wrong about what belongs to whom, and what stays of it. */
export const WRONG_OWNERS: readonly WrongStore[] = [
  {
    what: 'puts names together without a separator',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends PlaceStore {
      static override nameOf({ application, name, partition }: StoreId): string {
        return application + name + partition
      }
    },
  },
  {
    what: 'puts names together with a separator that names may hold',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends PlaceStore {
      static override nameOf({ application, name, partition }: StoreId): string {
        return `${application}-${name}-${partition}`
      }
    },
  },
  {
    what: 'shares a table between the tasks',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends PlaceStore {
      static override nameOf({ application, name }: StoreId): string {
        return JSON.stringify([application, name])
      }
    },
  },
  {
    what: 'is on a file system that knows no case',
    section: 'isolation',
    test: 'share nothing',
    Store: class extends PlaceStore {
      static override nameOf(id: StoreId): string {
        return PlaceStore.nameOf(id).toLowerCase()
      }
    },
  },
  {
    what: 'forgets its position when it is closed',
    section: 'opening again',
    test: 'comes back with its rows and its position',
    Store: class extends PlaceStore {
      override async close(): Promise<void> {
        await super.close()
        if (this.contents.token === this.id.token) this.contents.position = undefined
      }
    },
  },
  {
    what: 'comes back with a position and without rows',
    section: 'opening again',
    test: 'comes back with its rows and its position',
    Store: class extends PlaceStore {
      override async close(): Promise<void> {
        await super.close()
        if (this.contents.token === this.id.token) this.contents.rows.clear()
      }
    },
  },
  {
    what: 'hides deleted rows until it is opened again',
    section: 'opening again',
    test: 'comes back with its rows and its position',
    Store: class extends PlaceStore {
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
    what: 'begins anew for each owner',
    section: 'owners',
    test: 'takes over what is there',
    Store: class extends PlaceStore {
      override own(): void {
        super.own()
        this.contents.rows.clear()
        this.contents.position = undefined
        this.position = undefined
      }
    },
  },
  {
    what: 'fences nobody',
    section: 'owners',
    test: 'the earlier one is fenced',
    Store: class extends PlaceStore {
      override isFenced(): boolean {
        return false
      }
    },
  },
  {
    what: 'lets the last come win, whatever its token',
    section: 'owners',
    test: 'a token lower than that of the owner is refused',
    Store: class extends PlaceStore {
      override own(): void {
        this.contents.token = this.id.token
        this.contents.changelogId = this.id.changelogId
      }
    },
  },
  {
    what: 'compares tokens of two changelogs',
    section: 'owners',
    test: 'tokens of another changelog',
    Store: class extends PlaceStore {
      override own(): void {
        this.check()
        this.contents.token = this.id.token
      }
      override isFenced(): boolean {
        return this.id.token < this.contents.token
      }
    },
  },
  {
    what: 'lets the owner of another changelog go on',
    section: 'owners',
    test: 'tokens of another changelog',
    Store: class extends PlaceStore {
      override isFenced(): boolean {
        return this.id.changelogId === this.contents.changelogId && super.isFenced()
      }
    },
  },
  {
    what: 'looks for a later owner only when a commit begins',
    section: 'owners',
    test: 'reads changes nothing afterwards',
    Store: class extends PlaceStore {
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        this.check()
        for (const [i, change] of changes.entries()) {
          if (i % 500 === 0) await turn()
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
    test: 'the earlier one is fenced',
    Store: class extends PlaceStore {
      override async getMany(keys: readonly Uint8Array[]) {
        await turn()
        return keys.map((key) => this.get(key))
      }
    },
  },
  {
    what: 'takes its contents along when an earlier owner closes it',
    section: 'owners',
    test: 'what an earlier owner closes stays open',
    Store: class extends PlaceStore {
      override async close(): Promise<void> {
        await super.close()
        this.contents.rows.clear()
        this.contents.token = Number.POSITIVE_INFINITY
      }
    },
  },
]
