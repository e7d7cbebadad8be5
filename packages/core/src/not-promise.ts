/**
 * Whether a value is a promise. It would settle too late to be used, so its rejection is ignored here: unhandled, it
 * would end the process.
 *
 * @returns `true` for every object with a `then` method
 */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { then } = value as Partial<PromiseLike<unknown>>
  if (typeof then !== 'function') return false
  then.call(value, undefined, () => {})
  return true
}

/**
 * Rejects a promise from a pipeline function: as a condition it would always be true.
 *
 * @returns the value itself
 * @throws TypeError if the value is a promise
 */
export function assertNotPromise<T>(value: T): T {
  if (isPromise(value))
    throw new TypeError(
      'it returned a promise, but pipeline functions must be synchronous; use callOnce for external calls',
    )
  return value
}
