import type { CallOperator } from '../../call/call-operator.js'
import type { InputPartition } from '../input-partition.js'
import type { CallDispatcher } from './call-dispatcher.js'

/** A call pipeline in one task. */
export interface CallPipeline {
  readonly operator: CallOperator
  /** The calls that this process has claimed; they outlive the task attempt. */
  readonly dispatcher: CallDispatcher
  readonly input: InputPartition
  /** Consecutive requests that were provably not sent; `undefined` if the last request was sent. */
  notSent: { readonly attempts: number; readonly reason: string } | undefined
  /** Whether the stream is paused because too many records wait for their calls. */
  isFull: boolean
}
