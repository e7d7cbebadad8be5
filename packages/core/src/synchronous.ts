/** Whether a value is a promise. Its answer comes too late to count; a failure that nobody listens to would end the process. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { then } = value as Partial<PromiseLike<unknown>>
  if (typeof then !== 'function') return false
  then.call(value, undefined, () => {})
  return true
}

/**
 * What a function of a pipeline gave, unless it is a promise, which is true in every condition.
 *
 * @throws TypeError for a promise
 */
export function assertNotPromise<T>(value: T): T {
  if (isPromise(value))
    throw new TypeError(
      'it returned a promise, and functions of a pipeline are synchronous; calls of others are for callOnce',
    )
  return value
}
