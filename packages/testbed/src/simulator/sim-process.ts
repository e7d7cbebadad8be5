import type { Clock, Timer } from '@joinery/core'
import type { Owner, World } from './world.js'

/** 2026-01-01: where simulated wall clocks begin. */
const EPOCH = 1_767_225_600_000

/** A process of the simulated machines: it can be killed and stopped, and its wall clock may be wrong. */
export class SimProcess implements Owner {
  readonly name: string
  readonly world: World
  /** Milliseconds that its wall clock is ahead. */
  clockAheadMs = 0
  #isAlive = true
  #isPaused = false
  #deferred: (() => void)[] = []
  readonly clock: Clock

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
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

/** The brokers' own wall clock. */
export const brokerTime = (world: World): number => Math.floor(EPOCH + world.now)
