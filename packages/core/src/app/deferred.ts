/** A promise that is settled from outside. */
export class Deferred {
  readonly promise: Promise<void>
  resolve!: () => void
  reject!: (error: Error) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // a rejection that is not awaited must not end the process: `health` reports it, too
    this.promise.catch(() => {})
  }
}
