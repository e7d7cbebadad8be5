import { JoineryError } from '@joinery/core'

/**
 * @param name the option, for the message
 * @param failed receives `FUNCTION_THREW`: an error of the callback is a bug that must not be hidden, and nothing is lost
 * @returns a function that calls the callback, if there is one, and never throws
 */
export function userCallback<T>(
  name: string,
  callback: ((argument: T) => void) | undefined,
  failed: (error: JoineryError) => void,
): (argument: T) => void {
  return (argument) => {
    try {
      callback?.(argument)
    } catch (cause) {
      failed(new JoineryError('FUNCTION_THREW', `${name} of kafkaLog threw`, { cause }))
    }
  }
}
