import assert from 'node:assert/strict'
import { keyText } from '../../serde/key-text.js'
import type { Change, StateStore } from '../../store/contract.js'
import { seededRandom } from '../random.js'
import { ODD } from './store-contents-suite.js'
import { bytesOf, drop, failingAt, holds, isEmpty, put, read } from './store-probe.js'
import type { StoreTest, StoreTrial } from './store-trial.js'

const STEPS = 120

/** Random histories: whatever happens, the store holds the same rows as a `Map`. */
export function storeModelSuite(test: StoreTest, seeds: readonly number[]): void {
  for (const seed of seeds) {
    test(`a random history has the same result as with a Map (seed ${seed})`, async (trial) => {
      const history = new StoreHistory(trial, await trial.open(), seed)
      for (let step = 0; step < STEPS; step++) {
        const name = history.choose()
        try {
          await history[name]()
          await history.check(step % 10 === 9)
        } catch (cause) {
          throw new Error(`seed ${seed}, step ${step} (${name}): ${String(cause)}`, { cause })
        }
      }
    })
  }
}

/** The steps, with their relative frequency. */
const STEPS_BY_WEIGHT = {
  commit: 60,
  failCommit: 10,
  replay: 8,
  readDuringCommit: 8,
  handOver: 6,
  reopen: 5,
  clear: 3,
} as const

type Step = keyof typeof STEPS_BY_WEIGHT

const TOTAL = Object.values<number>(STEPS_BY_WEIGHT).reduce((sum, weight) => sum + weight)

class StoreHistory {
  readonly #trial: StoreTrial
  readonly #random: () => number
  readonly #keys: readonly string[]
  readonly #rows = new Map<string, string>()
  #store: StateStore
  #position: string | undefined
  #commits = 0
  #last: readonly Change[] = []

  constructor(trial: StoreTrial, store: StateStore, seed: number) {
    this.#trial = trial
    this.#store = store
    this.#random = seededRandom(seed)
    // few keys, so that changes collide
    const odd = Array.from({ length: 15 }, () => ODD[this.#below(ODD.length)] as string)
    this.#keys = [...new Set([...odd, ...Array.from({ length: 15 }, (_, i) => `key-${i}`), 'k'.repeat(3_000)])]
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  choose(): Step {
    let remaining = this.#below(TOTAL)
    for (const [step, weight] of Object.entries(STEPS_BY_WEIGHT)) {
      if (remaining < weight) return step as Step
      remaining -= weight
    }
    return 'commit'
  }

  #changes(): Change[] {
    return Array.from({ length: this.#below(40) }, () => {
      const key = this.#keys[this.#below(this.#keys.length)] as string
      if (this.#random() < 0.3) return drop(key)
      return put(key, this.#random() < 0.1 ? '' : `${'v'.repeat(this.#below(300))}${this.#below(1_000)}`)
    })
  }

  #apply(changes: readonly Change[], position: string): void {
    for (const { key, value } of changes) {
      if (value === null) this.#rows.delete(keyText(key))
      else this.#rows.set(keyText(key), keyText(value))
    }
    this.#position = position
    this.#last = changes
  }

  async commit(): Promise<void> {
    const changes = this.#changes()
    const position = `position ${++this.#commits}`
    await this.#store.commit(changes, position)
    this.#apply(changes, position)
  }

  /** A commit fails: some of its changes may be stored, but not the position. It is then repeated. */
  async failCommit(): Promise<void> {
    const changes = [...this.#changes(), put('key-0', 'again')]
    const failing = failingAt(changes, this.#below(changes.length))
    await assert.rejects(async () => this.#store.commit(failing, 'failed'))
    assert.equal(this.#store.position, this.#position)
    if (this.#random() < 0.5 && (await this.#open())) return
    const position = `position ${++this.#commits}`
    await this.#store.commit(changes, position)
    this.#apply(changes, position)
  }

  /** The last commit is repeated. */
  async replay(): Promise<void> {
    if (this.#position !== undefined) await this.#store.commit(this.#last, this.#position)
  }

  async readDuringCommit(): Promise<void> {
    const changes = this.#changes()
    const position = `position ${++this.#commits}`
    const before = new Map(this.#rows)
    const commit = (async () => this.#store.commit(changes, position))()
    const [values] = await Promise.all([read(this.#store, this.#keys), commit])
    this.#apply(changes, position)
    const possible = (key: string) => [
      before.get(key),
      ...changes.filter((change) => keyText(change.key) === key).map(({ value }) => value && keyText(value)),
    ]
    for (const [i, value] of values.entries())
      assert.ok(possible(this.#keys[i] as string).some((candidate) => (candidate ?? undefined) === value))
  }

  /** A later owner opens the store before the earlier owner closes it. */
  async handOver(): Promise<void> {
    const earlier = this.#store
    await this.#open()
    await earlier.close()
  }

  async reopen(): Promise<void> {
    if (this.#random() < 0.5) await this.#store.close()
    else await this.#trial.leave()
    await this.#open()
  }

  async clear(): Promise<void> {
    await this.#store.clear()
    this.#reset()
  }

  #reset(): void {
    this.#rows.clear()
    this.#position = undefined
    this.#last = []
  }

  /** @returns whether the store was empty, which only a store that is not durable may be */
  async #open(): Promise<boolean> {
    this.#store = await this.#trial.open()
    if (this.#trial.durable || this.#store.position !== undefined) return false
    await this.#store.clear()
    this.#reset()
    return true
  }

  async check(includeScan: boolean): Promise<void> {
    assert.equal(this.#store.position, this.#position)
    if (this.#position === undefined) return isEmpty(this.#store, this.#keys)
    if (includeScan)
      return holds(
        this.#store,
        this.#rows,
        this.#keys.filter((key) => !this.#rows.has(key)),
      )
    const values = await this.#store.getMany(this.#keys.map(bytesOf))
    assert.deepEqual(
      values.map((value) => value && keyText(value)),
      this.#keys.map((key) => this.#rows.get(key)),
    )
  }
}
