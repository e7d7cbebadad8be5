const BRAND = Symbol.for('joinery.not-sent')

/**
 * The one error that permits another attempt: thrown by a function that makes a call, it says that no byte of the request
 * has left, and none will. Anything else it throws leaves the call in doubt. `call.fetch` throws it by itself.
 *
 * @param cause what kept the request from being sent
 *
 * @example
 * ```ts
 * const error = notSent(new Error('the circuit breaker is open'))
 * console.log(error.message) // the request was not sent: the circuit breaker is open
 * ```
 */
export function notSent(cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  const error = new Error(`the request was not sent: ${why}`, { cause })
  Object.defineProperty(error, BRAND, { value: true })
  return error
}

/** Whether an error says that nothing was sent; right even where two copies of the package are loaded. */
export function isNotSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && BRAND in error
}
