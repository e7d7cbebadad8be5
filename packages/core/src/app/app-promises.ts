import { Deferred } from './deferred.js'

/** Taken when this module loads: fake timers of a test runner may replace it. */
const { nextTick } = process

/**
 * The promises of an application. A failure rejects all that are pending, and is an unhandled rejection only once, and
 * only if no promise that the user has taken carries it:
 *
 * | The user has                    | Carries the failure                 |
 * | ------------------------------- | ----------------------------------- |
 * | called `close`                  | the promise that `close` returned   |
 * | else taken `closed`, or neither | `closed`                            |
 * | else taken `ready`              | `ready` if it is pending, or `closed` |
 */
export class AppPromises {
  readonly #ready = new Deferred()
  readonly #closed = new Deferred()
  #isReadyTaken = false
  #isClosedTaken = false
  #isReadySettled = false
  #isHandedOut = false
  #isCloseCalled = false
  /** A failure before the user had the application, and so could await its promises. */
  #early: Error | undefined

  get ready(): Promise<void> {
    this.#isReadyTaken = true
    return this.#ready.promise
  }

  get closed(): Promise<void> {
    this.#isClosedTaken = true
    return this.#closed.promise
  }

  /** The user gets the application now, and can take its promises until the next tick. */
  handOut(): void {
    this.#isHandedOut = true
    const early = this.#early
    if (early !== undefined) nextTick(() => this.fail(early))
  }

  /** The user awaits the promise of `close`, which carries every later failure. */
  closeCalled(): void {
    this.#isCloseCalled = true
  }

  becomeReady(): void {
    this.#isReadySettled = true
    this.#ready.resolve()
  }

  /** Rejects `ready`, if it is pending: there will be no failure. */
  neverReady(reason: Error): void {
    if (this.#isReadySettled || this.#early !== undefined) return
    this.#isReadySettled = true
    this.#ready.ignoreRejection()
    this.#ready.reject(reason)
  }

  /** Resolves `closed`, unless there was a failure. */
  close(): void {
    if (this.#early === undefined) this.#closed.resolve()
  }

  fail(error: Error): void {
    if (!this.#isHandedOut) {
      this.#early ??= error
      return
    }
    const isCarriedByReady = this.#isReadyTaken && !this.#isClosedTaken && !this.#isReadySettled
    if (this.#isCloseCalled || isCarriedByReady) this.#closed.ignoreRejection()
    if (this.#isCloseCalled || !isCarriedByReady) this.#ready.ignoreRejection()
    this.#isReadySettled = true
    this.#ready.reject(error)
    this.#closed.reject(error)
  }
}
