import type { CallOperator } from '../../call/call-operator.js'
import type { InputPartition } from '../input-partition.js'
import type { CallDispatcher } from './call-dispatcher.js'

/** A pipeline of calls in one task. */
export interface CallPipeline {
  readonly operator: CallOperator
  /** The calls that this process has claimed; they outlive the rest. */
  readonly dispatcher: CallDispatcher
  readonly input: InputPartition
  /** Requests that were provably not sent since the last one that was; `undefined` if the last one was sent. */
  notSent: { readonly attempts: number; readonly reason: string } | undefined
  /** Whether too many records wait for their call, and the stream stands before them. */
  isFull: boolean
}
