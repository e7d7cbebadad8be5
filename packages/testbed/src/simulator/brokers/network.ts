import type { SimProcess } from '../machines/sim-process.js'
import type { World } from '../world.js'

/** The request or its answer did not arrive in time; nobody knows which. */
export class NoAnswer extends Error {}

const TIMEOUT_MS = 2_000
/** A connection that breaks is noticed soon, one that is silent only by the time-out. */
const BROKEN_MS = 50
const FAST_MS = 3
const SLOW_MS = [100, 4_000] as const

/** How bad the way between processes and brokers is. */
export class Network {
  readonly #world: World
  /** Processes that cannot reach the brokers. */
  readonly cut: Set<string> = new Set()
  /** Processes that the brokers hear, and that hear nothing. */
  readonly deaf: Set<string> = new Set()
  /** Nobody reaches the brokers. */
  isDown = false
  /** How often a request or an answer is lost. */
  loss = 0
  /** How often something takes very long. */
  delay = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Ends all that is bad about it. */
  heal(): void {
    this.cut.clear()
    this.deaf.clear()
    this.isDown = false
    this.loss = 0
    this.delay = 0
  }

  /**
   * Asks the brokers. `execute` runs there, if the request arrives; it may do so long after the caller gave up.
   *
   * @throws NoAnswer
   */
  call<T>(from: SimProcess, label: string, execute: () => T | Promise<T>, timeoutMs: number = TIMEOUT_MS): Promise<T> {
    const { random } = this.#world
    return new Promise((resolve, reject) => {
      const isBroken = random.chance(this.loss)
      const giveUp = this.#world.after(
        isBroken ? random.next() * BROKEN_MS : timeoutMs,
        `${from.name} gives up on ${label}`,
        () => reject(new NoAnswer(label)),
        from,
      )
      // what a broken connection has sent may still be on its way
      if (this.#isCut(from) || (isBroken && random.chance(0.5))) return
      const answer = (settle: () => void) => {
        if (isBroken || this.#isCut(from) || this.deaf.has(from.name) || random.chance(this.loss)) return
        const heard = () => {
          giveUp()
          settle()
        }
        this.#world.after(this.#latency(), `${from.name} hears of ${label}`, heard, from)
      }
      this.#world.after(this.#latency(), label, () => {
        if (this.isDown) return
        Promise.resolve()
          .then(execute)
          .then(
            (result) => answer(() => resolve(result)),
            (error: unknown) => answer(() => reject(error)),
          )
      })
    })
  }

  #isCut({ name }: SimProcess): boolean {
    return this.isDown || this.cut.has(name)
  }

  #latency(): number {
    const { random } = this.#world
    return random.chance(this.delay) ? random.between(...SLOW_MS) : random.next() * FAST_MS
  }
}
