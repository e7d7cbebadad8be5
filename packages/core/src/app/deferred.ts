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
  }

  /** Node does not report a rejection as unhandled: another promise carries the error. */
  ignoreRejection(): void {
    this.promise.catch(() => {})
  }
}
