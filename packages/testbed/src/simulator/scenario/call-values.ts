/** The value of a record that asks for a call. Its number decides what becomes of it. */
export interface SimAsk {
  readonly number: number
  /** Names the call, where values do. */
  readonly id: string
}

/** What a call results in. */
export interface SimAnswer {
  readonly number: number
  readonly status: number
  /** Makes it too large for a small topic. */
  readonly pad: string
}

/** Records that ask for calls, and where results and doubts go. */
export const REQUESTS = 'requests'
export const ANSWERS = 'answers'
export const DOUBTS = 'doubts'

/** The function that names the call throws at it. */
export const hasNoId = ({ number }: SimAsk): boolean => number % 37 === 5

/** The filter before the call does not let it pass. */
export const isNotAsked = ({ number }: SimAsk): boolean => number % 23 === 3

/** Its result has {@link SimAnswer.pad}. */
export const isAnsweredAtLength = (number: number): boolean => number % 29 === 7
