export type { Claimant } from './call/call-state.js'
export { type DoubtInfo, doubtInfo } from './call/doubt-headers.js'
export { notSent } from './call/not-sent.js'
export type { Clock, Timer } from './clock.js'
export { systemClock } from './clock.js'
export { type Duration, duration, type Size } from './duration.js'
export { type ErrorCode, type ErrorContext, isJoineryError, JoineryError } from './errors.js'
export type { Guarantee, Log } from './log/contract.js'
export { type MemoryLogOptions, memoryLog } from './log/memory-log.js'
export type { MemoryTopicOptions } from './log/memory-topics.js'
export type { Call, CallOnce, CallOnceOptions } from './pipeline/call-once.js'
export type { DeadLetter, ReadOptions, Reason } from './pipeline/dead-letter.js'
export { type DeadLetterInfo, deadLetterInfo } from './pipeline/dead-letter-info.js'
export { type RecordOrigin, recordOrigin } from './pipeline/record-origin.js'
export {
  type Joinable,
  type Joined,
  type JoinOptions,
  type Pipeline,
  type RecordInfo,
  type Stream,
  type StreamOptions,
  stream,
  type TopologyDescription,
} from './pipeline/stream.js'
export { type History, type Table, type TableOptions, table } from './pipeline/table.js'
export type { InnerWait, LeftWait } from './pipeline/wait.js'
export type { Headers, LogRecord, NewRecord, Origin } from './record.js'
export type {
  App,
  AppEvent,
  AppState,
  Health,
  Metrics,
  PipelineMetrics,
  TableView,
} from './runtime/app.js'
export type { CallDecision, Calls, Doubt } from './runtime/calls.js'
export { type CallsOfOptions, callsOf } from './runtime/calls-of.js'
export { type Message, type NewMessage, type ReadMessagesOptions, read, send } from './runtime/messages.js'
export { type ResetOptions, reset } from './runtime/reset.js'
export { run } from './runtime/run.js'
export type { RunOptions } from './runtime/run-options.js'
export { shutdownSignal } from './runtime/shutdown-signal.js'
export { bytes } from './serde/bytes.js'
export { int64 } from './serde/int64.js'
export { type JsonLimits, json } from './serde/json.js'
export type { Decoder, Encoder, Serde } from './serde/serde.js'
export type { StandardResult, StandardSchema } from './serde/standard-schema.js'
export { text } from './serde/text.js'
export { type ReadableTopic, type Topic, topic, type WritableTopic } from './serde/topic.js'
export type { StateStores } from './store/contract.js'
export { type MemoryStoresOptions, memoryStores } from './store/memory-stores.js'
export type { CacheBytes, CacheOptions, CacheRows } from './store/row-cache.js'
