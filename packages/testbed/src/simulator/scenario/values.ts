import type { SimJoin, SimPipeline } from './scenario.js'

/** The value of an event. Its number determines how it is handled. */
export interface SimEvent {
  readonly number: number
  readonly pad: string
}

/** The value of a row. The versions of a key only increase. */
export interface SimRow {
  readonly version: number
  readonly isReady: boolean
}

/** The value of a result: the event, and the version of each row that it was joined with. */
export interface SimResult extends SimEvent {
  readonly rows: readonly (number | null)[]
}

/** Functions of the pipeline throw for it. */
export const throws = ({ number }: SimEvent): boolean => number % 41 === 5

/** Brokers refuse its result, in some scenarios. */
export const isRefused = ({ number }: SimEvent): boolean => number % 23 === 11

/** The filter of the pipeline drops it. */
export const isFiltered = ({ filters }: SimPipeline, { number }: SimEvent): boolean => filters && number % 7 === 3

/** Whether a row is ready for an event. */
export const isReadyFor = ({ ready, atMostMs }: SimJoin, { isReady }: SimRow, { number }: SimEvent): boolean =>
  atMostMs === undefined || ready === 'always' || isReady || (ready === 'event' && number % 2 === 1)

/** Makes the result of an event too large for a topic with a small limit. */
export const PADDING: string = 'x'.repeat(1_200)
