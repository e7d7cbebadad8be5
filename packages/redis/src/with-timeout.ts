/** No answer in time. Whether the server has done what it was asked is not known. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/** The answer, or a `TimeoutError`. */
export async function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
