import { setImmediate as turn } from 'node:timers/promises'
import type { Change } from '../../src/store.js'
import { PlaceStore } from './place-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** Wrong when several things happen at once, and at the end. */
export const WRONG_READS: readonly WrongStore[] = [
  {
    what: 'acknowledges a commit before it can be read',
    section: 'reading',
    test: 'one behind it the new ones',
    Store: class extends PlaceStore {
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        this.check()
        const later = async () => {
          for (let i = 0; i < 5; i++) await turn()
          await super.commit(changes, position)
        }
        later().catch(() => {}) // nobody waits for it: that is the mistake
        this.position = position
      }
    },
  },
  {
    what: 'mixes up the answers of reads that run at once',
    section: 'reading',
    test: 'many reads and scans at once',
    Store: class extends PlaceStore {
      #keys: readonly Uint8Array[] = []
      override async getMany(keys: readonly Uint8Array[]) {
        this.#keys = keys
        await turn()
        this.check()
        return this.#keys.map((key) => this.get(key))
      }
    },
  },
  {
    what: 'scans by number, so that rows move out of its sight',
    section: 'reading',
    test: 'each untouched row once',
    Store: class extends PlaceStore {
      override async *entries() {
        for (let at = 0; at < this.contents.rows.size || at === 0; at += 100) {
          await turn()
          this.check()
          yield* [...this.contents.rows.values()].slice(at, at + 100)
        }
      }
    },
  },
  {
    what: 'scans what is moved twice',
    section: 'reading',
    test: 'each untouched row once',
    Store: class extends PlaceStore {
      override async *entries() {
        await turn()
        this.check()
        const before = this.position
        for (const entry of [...this.contents.rows.values()]) yield entry
        if (this.position !== before) yield* [...this.contents.rows.values()].slice(0, 10)
      }
    },
  },
  {
    what: 'cannot be asked any more when a scan was given up',
    section: 'reading',
    test: 'a scan that is given up',
    Store: class extends PlaceStore {
      #scans = 0
      override async *entries() {
        if (++this.#scans > 10) throw new Error('too many open scans')
        yield* super.entries()
        this.#scans--
      }
    },
  },
  {
    what: 'clears its rows and not its position',
    section: 'clearing and closing',
    test: 'clear deletes the rows and the position',
    Store: class extends PlaceStore {
      override async clear(): Promise<void> {
        await turn()
        this.check()
        this.contents.rows.clear()
      }
    },
  },
  {
    what: 'clears a thousand rows at most',
    section: 'clearing and closing',
    test: 'clear deletes 10 000 rows',
    Store: class extends PlaceStore {
      override async clear(): Promise<void> {
        const rows = [...this.contents.rows].slice(1_000)
        await super.clear()
        for (const [key, entry] of rows) this.contents.rows.set(key, entry)
      }
    },
  },
  {
    what: 'takes a commit that it knows for done, though it was cleared since',
    section: 'clearing and closing',
    test: 'clear deletes the rows and the position',
    Store: class extends PlaceStore {
      readonly #done = new Set<string>()
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        if (!this.#done.has(position)) return super.commit(this.#noted(changes, position), position)
        await this.move(position)
      }
      #noted(changes: readonly Change[], position: string): readonly Change[] {
        this.#done.add(position)
        return changes
      }
    },
  },
  {
    what: 'can be closed once',
    section: 'clearing and closing',
    test: 'close may come twice',
    Store: class extends PlaceStore {
      override async close(): Promise<void> {
        this.check()
        await super.close()
      }
    },
  },
  {
    what: 'goes on when it is closed',
    section: 'clearing and closing',
    test: 'afterwards every call fails',
    Store: class extends PlaceStore {
      override async close(): Promise<void> {}
    },
  },
  {
    what: 'says in words of its own that it is closed',
    section: 'clearing and closing',
    test: 'afterwards every call fails',
    Store: class extends PlaceStore {
      override check(): void {
        if (this.isClosed) throw new Error('Database is not open')
        super.check()
      }
    },
  },
  {
    what: 'ends a scan when it is closed, as if there were no more',
    section: 'clearing and closing',
    test: 'a scan that a close overtakes',
    Store: class extends PlaceStore {
      override async *entries() {
        this.check()
        for await (const entry of super.entries()) {
          if (this.isClosed) return
          yield entry
        }
      }
    },
  },
  {
    what: 'loses one write in a hundred',
    section: 'random histories',
    test: 'seed',
    Store: class extends PlaceStore {
      #writes = 0
      override apply(change: Change): void {
        if (++this.#writes % 97 !== 0) super.apply(change)
      }
    },
  },
]
