import type { Clock, Timer } from '@joinery/core'
import { EPOCH } from '../brokers/broker-time.js'
import type { Owner, World } from '../world.js'

/** A process of the simulated machines: it can be killed and stopped, and its wall clock may be wrong. */
export class SimProcess implements Owner {
  readonly name: string
  readonly world: World
  /** Milliseconds that its wall clock is ahead. */
  clockAheadMs = 0
  #isAlive = true
  #isPaused = false
  #deferred: (() => void)[] = []
  #doomInStoreCommit: (() => void) | undefined
  #doom: { stepsLeft: number; readonly die: () => void } | undefined
  readonly clock: Clock
  /** As many random bytes as it wants. */
  readonly randomBytes: (size: number) => Uint8Array

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.randomBytes = (size) => Uint8Array.from({ length: size }, () => world.tokens.between(0, 255))
    this.clock = {
      now: () => Math.floor(EPOCH + world.now + this.clockAheadMs),
      monotonic: () => world.now,
      setTimeout: (run, ms): Timer => ({ cancel: world.after(ms, `${name} timer`, run, this) }),
      breathe: () => world.sleep(0, `${name} breathes`, this),
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  defer(event: () => void): void {
    this.#deferred.push(event)
  }

  /** Calls `die` in the place of a step to come: between any two of its steps. */
  doom(stepsLeft: number, die: () => void): void {
    this.#doom = { stepsLeft, die }
  }

  /** Calls `die` when a store has written a part of a commit. */
  doomInStoreCommit(die: () => void): void {
    this.#doomInStoreCommit = die
  }

  /** A store is about to write one more change of a commit. Answers whether it still can. */
  writes(): boolean {
    const die = this.#doomInStoreCommit
    if (die === undefined || this.world.random.chance(0.7)) return true
    this.#doomInStoreCommit = undefined
    die()
    return this.#isAlive
  }

  step(): void {
    const doom = this.#doom
    if (doom === undefined || --doom.stepsLeft > 0) return
    this.#doom = undefined
    doom.die()
  }

  /** SIGKILL: nothing that it waits for ever comes. */
  kill(): void {
    this.#isAlive = false
    this.#deferred = []
  }

  /** SIGSTOP. */
  pause(): void {
    this.#isPaused = true
  }

  /** SIGCONT: all that came meanwhile comes at once. */
  resume(): void {
    this.#isPaused = false
    for (const event of this.#deferred.splice(0)) this.world.after(0, `${this.name} goes on`, event, this)
  }
}
