import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Change } from '../../src/store.js'
import { SharedStore } from './shared-stores.js'
import type { WrongStore } from './wrong-contents.js'

/** Mistakes in concurrent operations, and in clearing and closing. */
export const WRONG_READS: readonly WrongStore[] = [
  {
    what: 'acknowledges a commit before it can be read',
    section: 'reading',
    test: 'a read after it the new rows',
    Store: class extends SharedStore {
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        this.check()
        const later = async () => {
          for (let i = 0; i < 5; i++) await nextTurn()
          await super.commit(changes, position)
        }
        later().catch(() => {}) // the mistake: nothing waits for it
        this.position = position
      }
    },
  },
  {
    what: 'mixes up the results of concurrent reads',
    section: 'reading',
    test: 'concurrent reads and iterations',
    Store: class extends SharedStore {
      #keys: readonly Uint8Array[] = []
      override async getMany(keys: readonly Uint8Array[]) {
        this.#keys = keys
        await nextTurn()
        this.check()
        return this.#keys.map((key) => this.get(key))
      }
    },
  },
  {
    what: 'iterates by index, and misses rows that move',
    section: 'reading',
    test: 'each unchanged row once',
    Store: class extends SharedStore {
      override async *entries() {
        for (let at = 0; at < this.contents.rows.size || at === 0; at += 100) {
          await nextTurn()
          this.check()
          yield* [...this.contents.rows.values()].slice(at, at + 100)
        }
      }
    },
  },
  {
    what: 'yields rows that move twice',
    section: 'reading',
    test: 'each unchanged row once',
    Store: class extends SharedStore {
      override async *entries() {
        await nextTurn()
        this.check()
        const before = this.position
        for (const entry of [...this.contents.rows.values()]) yield entry
        if (this.position !== before) yield* [...this.contents.rows.values()].slice(0, 10)
      }
    },
  },
  {
    what: 'fails after some abandoned iterations',
    section: 'reading',
    test: 'an iteration that is abandoned',
    Store: class extends SharedStore {
      #iterations = 0
      override async *entries() {
        if (++this.#iterations > 10) throw new Error('too many open iterations')
        yield* super.entries()
        this.#iterations--
      }
    },
  },
  {
    what: 'clears its rows but not its position',
    section: 'clearing and closing',
    test: 'clear deletes the rows and the position',
    Store: class extends SharedStore {
      override async clear(): Promise<void> {
        await nextTurn()
        this.check()
        this.contents.rows.clear()
      }
    },
  },
  {
    what: 'clears at most a thousand rows',
    section: 'clearing and closing',
    test: 'clear deletes 10 000 rows',
    Store: class extends SharedStore {
      override async clear(): Promise<void> {
        const rows = [...this.contents.rows].slice(1_000)
        await super.clear()
        for (const [key, entry] of rows) this.contents.rows.set(key, entry)
      }
    },
  },
  {
    what: 'skips a repeated commit, although it was cleared in between',
    section: 'clearing and closing',
    test: 'clear deletes the rows and the position',
    Store: class extends SharedStore {
      readonly #done = new Set<string>()
      override async commit(changes: readonly Change[], position: string): Promise<void> {
        if (!this.#done.has(position)) return super.commit(this.#remember(changes, position), position)
        await this.setPosition(position)
      }
      #remember(changes: readonly Change[], position: string): readonly Change[] {
        this.#done.add(position)
        return changes
      }
    },
  },
  {
    what: 'can be closed only once',
    section: 'clearing and closing',
    test: 'close is idempotent',
    Store: class extends SharedStore {
      override async close(): Promise<void> {
        this.check()
        await super.close()
      }
    },
  },
  {
    what: 'can be used after it is closed',
    section: 'clearing and closing',
    test: 'afterwards every call fails',
    Store: class extends SharedStore {
      override async close(): Promise<void> {}
    },
  },
  {
    what: 'fails with an error of its own after it is closed',
    section: 'clearing and closing',
    test: 'afterwards every call fails',
    Store: class extends SharedStore {
      override check(): void {
        if (this.isClosed) throw new Error('Database is not open')
        super.check()
      }
    },
  },
  {
    what: 'ends an iteration early when it is closed',
    section: 'clearing and closing',
    test: 'an iteration during which the store is closed',
    Store: class extends SharedStore {
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
    Store: class extends SharedStore {
      #writes = 0
      override apply(change: Change): void {
        if (++this.#writes % 97 !== 0) super.apply(change)
      }
    },
  },
]
