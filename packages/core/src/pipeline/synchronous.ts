/**
 * What a function of a pipeline gave, unless it is a promise: a promise is true in every condition, and its failure would be
 * nobody's.
 *
 * @throws TypeError for a promise
 */
export function synchronous<T>(value: T): T {
  if (!(value instanceof Promise)) return value
  value.catch(() => {}) // what it says does not count any more
  throw new TypeError(
    'it returned a promise, and functions of a pipeline are synchronous; calls of others are for callOnce',
  )
}
