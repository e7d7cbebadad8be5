const BRAND = Symbol.for('joinery.not-sent')

/**
 * Creates the only error that permits another attempt: a function that makes a call throws it if no byte of the request
 * was sent, and none will be. Every other error leaves the call in doubt. `call.fetch` throws it, too.
 *
 * @param cause why the request was not sent
 * @returns the error to throw; its message contains that of `cause`
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

/** @returns whether an error is from {@link notSent}, even if two copies of the package are loaded */
export function isNotSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && BRAND in error
}
