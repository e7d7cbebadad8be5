/** The value of a record that requests a call. Its number determines how it is handled. */
export interface SimRequest {
  readonly number: number
  /** Identifies the call, if ids are taken from values. */
  readonly id: string
}

/** The result of a call. */
export interface SimReply {
  readonly number: number
  readonly status: number
  /** Makes it too large for a topic with a small limit. */
  readonly pad: string
}

/** The topics for requests, for results, and for calls in doubt. */
export const REQUESTS = 'requests'
export const REPLIES = 'replies'
export const IN_DOUBT = 'review'

/** The function that returns the id throws for it. */
export const hasNoId = ({ number }: SimRequest): boolean => number % 37 === 5

/** The filter before the call drops it. */
export const isFilteredRequest = ({ number }: SimRequest): boolean => number % 23 === 3

/** Its result contains {@link SimReply.pad}. */
export const hasLongReply = (number: number): boolean => number % 29 === 7
