import type { Call, CallOnceOptions } from './call-once.js'
import type { ErrorHandling } from './dead-letter.js'
import type { OutputOptions } from './output-options.js'
import type { RecordInfo } from './record-info.js'
import type { Table } from './table.js'
import type { ReadableTopic, WritableTopic } from './topic.js'
import type { InnerWait } from './wait.js'

/** A pipeline as the builder describes it: immutable, not validated, with values of unknown type. */
export interface PipelineDescription {
  readonly name: string
  readonly stream: ReadableTopic<unknown, unknown>
  readonly options: ErrorHandling
  readonly steps: readonly StepDescription[]
  readonly sink: WritableTopic<never, never>
  readonly sinkOptions: OutputOptions
}

export type StepDescription = ValueStep | JoinStep

/** A step that depends only on the value and the record. */
export type ValueStep = FilterStep | MapStep

export interface FilterStep {
  readonly type: 'filter'
  readonly test: (value: unknown, record: RecordInfo<unknown>) => boolean
}

export interface MapStep {
  readonly type: 'mapValues'
  readonly map: (value: unknown, record: RecordInfo<unknown>) => unknown
}

export interface JoinStep {
  readonly type: 'join'
  readonly kind: 'inner' | 'left'
  readonly table: Table<unknown, unknown>
  readonly joiner: (value: unknown, row: unknown, record: RecordInfo<unknown>) => unknown
  readonly options: { readonly name?: string; readonly wait?: Partial<InnerWait<unknown, unknown>> }
}

/** A pipeline that ends in calls. */
export interface CallDescription extends Omit<PipelineDescription, 'steps' | 'sink'> {
  readonly steps: readonly ValueStep[]
  readonly call: (value: unknown, call: Call<unknown>) => Promise<unknown>
  readonly callOptions: Partial<CallOnceOptions<unknown>>
  readonly sink: WritableTopic<never, never> | undefined
}
