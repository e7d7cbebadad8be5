import type { SimProcess } from './sim-process.js'
import type { World } from './world.js'

/** The request or its answer did not arrive in time; nobody knows which. */
export class NoAnswer extends Error {}

const TIMEOUT_MS = 2_000

/** How bad the way between processes and brokers is. */
export class Network {
  readonly #world: World
  /** Processes that cannot reach the brokers. */
  readonly cut: Set<string> = new Set()
  /** How often a request or an answer is lost. */
  loss = 0
  /** How often something takes very long. */
  delay = 0

  constructor(world: World) {
    this.#world = world
  }

  /**
   * Asks the brokers. `execute` runs there, if the request arrives; it may do so long after the caller gave up.
   *
   * @throws NoAnswer
   */
  call<T>(from: SimProcess, label: string, execute: () => T | Promise<T>, timeoutMs: number = TIMEOUT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = this.#world.after(
        timeoutMs,
        `${from.name} gives up on ${label}`,
        () => reject(new NoAnswer(label)),
        from,
      )
      if (this.#isLost(from)) return
      const answer = (settle: () => void) => {
        if (this.#isLost(from)) return
        this.#world.after(
          this.#latency(),
          `${from.name} hears of ${label}`,
          () => {
            giveUp()
            settle()
          },
          from,
        )
      }
      this.#world.after(this.#latency(), label, () => {
        Promise.resolve()
          .then(execute)
          .then(
            (result) => answer(() => resolve(result)),
            (error: unknown) => answer(() => reject(error)),
          )
      })
    })
  }

  #isLost(from: SimProcess): boolean {
    return this.cut.has(from.name) || this.#world.random.chance(this.loss)
  }

  #latency(): number {
    const { random } = this.#world
    return random.chance(this.delay) ? random.between(100, 4_000) : random.next() * 3
  }
}
