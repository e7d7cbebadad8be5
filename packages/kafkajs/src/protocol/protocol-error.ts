import { JoineryError } from '@joinery/core'
import { CODE, codeName } from './error-codes.js'

/** A response with an error code. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: number
  /** The topic that the error is about, if it is about one. */
  readonly topic: string | undefined

  /** @param request what failed, such as `Produce to orders[0]` */
  constructor(code: number, request: string, topic?: string) {
    super(`${request} failed with ${codeName(code)}`)
    this.code = code
    this.topic = topic
  }
}

/** Whether a response says that the client must find the cluster again, through the configured brokers (KIP-1102). */
export const isRebootstrapRequired = (response: unknown): boolean =>
  (response as { readonly errorCode?: number } | undefined)?.errorCode === CODE.REBOOTSTRAP_REQUIRED

/** @returns the error for an operation that needs an ACL */
export function notAuthorized(operation: string, resource: string, code: number, topic?: string): JoineryError {
  return new JoineryError(
    'NOT_AUTHORIZED',
    `this user is not allowed to ${operation} ${resource} (${codeName(code)}): add the ACL`,
    {
      ...(topic !== undefined && { topic }),
    },
  )
}
