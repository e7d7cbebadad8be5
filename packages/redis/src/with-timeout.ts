/** The server did not reply in time. It is unknown whether it executed the command. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/**
 * @returns the reply
 * @throws TimeoutError if it takes longer
 */
export async function withTimeout<T>(reply: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`no reply within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([reply, timedOut])
  } finally {
    clearTimeout(timer)
  }
}
