import type { Clock, Timer } from '@joinery/core'
import { EPOCH } from '../brokers/broker-time.js'
import type { Random } from '../random.js'
import type { Owner, World } from '../world.js'

/** What passes between two looks at the clock, in milliseconds: nothing that is asked twice is asked at the same time. */
const LOOK_MS = 0.02
/** Node's timers take at least so long, and may run up to so much too early. */
const TIMER_MS = 1

/** A process of the simulated machines: it can be killed and stopped, and its wall clock may be wrong. */
export class SimProcess implements Owner {
  readonly name: string
  readonly world: World
  /** Milliseconds that its wall clock is ahead. */
  clockAheadMs = 0
  readonly #dice: Random
  /** When it last looked at its clock. */
  #looked = 0
  #isAlive = true
  #isPaused = false
  #deferred: (() => void)[] = []
  #doomInStoreCommit: (() => void) | undefined
  #planned: { stepsLeft: number; readonly act: () => void } | undefined
  readonly clock: Clock
  /** As many random bytes as it wants. */
  readonly randomBytes: (size: number) => Uint8Array

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.#dice = world.random.fork()
    this.randomBytes = (size) => Uint8Array.from({ length: size }, () => world.tokens.between(0, 255))
    this.clock = {
      now: () => Math.floor(EPOCH + this.#look() + this.clockAheadMs),
      monotonic: () => this.#look(),
      setTimeout: (run, ms): Timer => {
        const takes = Math.max(ms, TIMER_MS) - TIMER_MS * this.#dice.next()
        return { cancel: world.after(takes, `${name} timer`, run, this) }
      },
      yieldToEventLoop: () => world.sleep(0, `${name} breathes`, this),
    }
  }

  #look(): number {
    this.#looked = Math.max(this.#looked + LOOK_MS, this.world.now)
    return this.#looked
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

  /** Calls `act` before a step to come: between any two of its steps. */
  before(stepsLeft: number, act: () => void): void {
    this.#planned = { stepsLeft, act }
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
    const planned = this.#planned
    if (planned === undefined || --planned.stepsLeft > 0) return
    this.#planned = undefined
    planned.act()
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
