import type { SimJoin, SimPipeline } from './scenario.js'

/** An event's value. Its number decides what becomes of it. */
export interface SimEvent {
  readonly number: number
  readonly pad: string
}

/** A row's value: versions of a key only rise. */
export interface SimRow {
  readonly version: number
  readonly isReady: boolean
}

/** What comes out: the event, and the version of each row that it met. */
export interface SimResult extends SimEvent {
  readonly rows: readonly (number | null)[]
}

/** Functions of the pipeline throw at it. */
export const throws = ({ number }: SimEvent): boolean => number % 41 === 5

/** The pipeline's filter does not let it pass. */
export const isFiltered = ({ filters }: SimPipeline, { number }: SimEvent): boolean => filters && number % 7 === 3

/** Whether a row counts for an event. */
export const isReadyFor = ({ ready, atMostMs }: SimJoin, { isReady }: SimRow, { number }: SimEvent): boolean =>
  atMostMs === undefined || ready === 'always' || isReady || (ready === 'event' && number % 2 === 1)

/** Bytes that make an event's result too large for a small topic. */
export const PAD: string = 'x'.repeat(1_200)
