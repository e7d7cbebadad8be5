import type { CallOperator } from '../../call/call-operator.js'
import type { Input } from '../input-partition.js'
import type { RunningCalls } from './call-dispatcher.js'

/** A pipeline of calls in one task. */
export interface TaskCalls {
  readonly operator: CallOperator
  /** The calls that this process has claimed; they outlive the rest. */
  readonly running: RunningCalls
  readonly input: Input
  /** Whether too many records wait for their call, and the stream stands before them. */
  isFull: boolean
}
