import { getSystemErrorName } from 'node:util'
import type { RootDatabase } from 'lmdb'

/** From here on, a status is an error: the lower ones report progress. */
const FIRST_ERROR = 3
/** To lmdb: promises are settled, and nothing else. */
const SETTLE_PROMISES = 1
/** How long a failed write waits for its status. */
const STATUS_MS = 1_000

/** What lmdb calls to write. It is not in its types. */
interface NativeEnvironment {
  startWriting(address: number, progress: (status: number) => unknown): void
}

/** An error of LMDB, or of the operating system, that a write has returned. */
export class WriteError extends Error {
  /** Negative: an error of LMDB. Positive: an `errno`. */
  readonly code: number

  constructor(code: number) {
    super(code > 0 ? getSystemErrorName(-code) : `error ${code} of LMDB`)
    this.code = code
  }
}

/**
 * Knows why a write has failed. lmdb rejects the promise of the write without its cause, and prints the cause with a stack on
 * standard error, for each attempt: so it never sees the status of a write that has failed.
 */
export class WriteStatus {
  /** Why the latest write has failed. */
  #failure: WriteError | undefined
  readonly #waiting = new Set<(failure: WriteError) => void>()

  constructor(root: RootDatabase<Uint8Array, Uint8Array>) {
    const { env } = root as unknown as { readonly env: NativeEnvironment }
    const startWriting = env.startWriting.bind(env)
    const observed: NativeEnvironment['startWriting'] = (address, progress) => {
      this.#failure = undefined
      startWriting(address, (status) => {
        if (status >= 0 && status < FIRST_ERROR) return progress(status)
        this.#failed(new WriteError(status))
        return progress(SETTLE_PROMISES)
      })
    }
    Object.defineProperty(env, 'startWriting', { value: observed })
  }

  /** @returns the cause of a failed write, or the error itself if lmdb gives none */
  async causeOf(error: unknown): Promise<unknown> {
    if (this.#failure !== undefined) return this.#failure
    return new Promise((resolve) => {
      this.#waiting.add(resolve)
      setTimeout(resolve, STATUS_MS, error).unref()
    })
  }

  #failed(failure: WriteError): void {
    this.#failure = failure
    for (const resolve of this.#waiting) resolve(failure)
    this.#waiting.clear()
  }
}
