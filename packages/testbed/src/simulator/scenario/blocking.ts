import type { BlockingRecords } from '@joinery/core'
import type { Origin } from '@joinery/core/log'
import type { SimProcess } from '../machines/sim-process.js'

/** A function of a pipeline. */
export type FunctionStep = 'decode' | 'filter' | 'map' | 'ready' | 'join' | 'encode' | 'id' | 'call'

/** Is called whenever a function runs for the record with a number. */
export type RunSlowly = (step: FunctionStep, number: number) => void

/** A record for which one function blocks its process, each time that it runs. */
export interface BlockingRecord extends Origin {
  readonly number: number
  readonly step: FunctionStep
  /** How many functions of the pipeline that is: each of its joins has its own. */
  readonly functions: number
  /** For how long, in simulated milliseconds. */
  readonly ms: number
  /** How often it has run, by process. */
  readonly runs: Map<string, number>
  /** What the processes have reported about functions that have run for long. */
  readonly reports: BlockingRecords[]
}

/** Events for each of which one function takes some time, each time that it runs. */
export interface SlowEvents {
  /** The numbers of the first and the last one. */
  readonly first: number
  readonly last: number
  readonly step: FunctionStep
  /** In simulated milliseconds. */
  readonly ms: number
}

/** The function runs. */
export function runBlocking({ ms, runs, step }: BlockingRecord, process: SimProcess): void {
  runs.set(process.name, (runs.get(process.name) ?? 0) + 1)
  process.eventLoop.note(`${process.name} is blocked for ${ms} ms, by ${step}`)
  process.block(ms)
}
