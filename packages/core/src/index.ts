export type { App, AppEvent, AppState, Health, Metrics, TableView } from './app/app.js'
export type { CallDecision, InDoubtCall, InDoubtCalls } from './app/in-doubt-call.js'
export { type InDoubtCallsOptions, inDoubtCalls } from './app/in-doubt-calls.js'
export {
  type ConsumeOptions,
  type ConsumerRecord,
  consume,
  type ProducerRecord,
  produce,
} from './app/messages.js'
export { type ResetOptions, reset } from './app/reset.js'
export { run } from './app/run.js'
export type { RunOptions } from './app/run-options.js'
export { shutdownSignal } from './app/shutdown-signal.js'
export { type InDoubtInfo, inDoubtInfo } from './call/in-doubt-headers.js'
export { notSent } from './call/not-sent.js'
export type { Claimant } from './changelog/call-record.js'
export type { Clock, Timer } from './clock.js'
export { systemClock } from './clock.js'
export { type Duration, duration, type Size } from './duration.js'
export { type ErrorCode, type ErrorContext, isJoineryError, JoineryError } from './errors.js'
export type { Guarantee, Log } from './log/contract.js'
export { type MemoryLogOptions, memoryLog } from './log/memory/memory-log.js'
export type { MemoryTopicOptions } from './log/memory/memory-topics.js'
export { type DeadLetterInfo, deadLetterInfo } from './outcome/dead-letter-info.js'
export type { PipelineMetrics } from './outcome/pipeline-metrics.js'
export { type RecordOrigin, recordOrigin } from './outcome/record-origin.js'
export type { Call, CallOnce, CallOnceOptions } from './pipeline/call-once.js'
export type { DeadLetter, ErrorHandling, Reason } from './pipeline/dead-letter.js'
export type { Pipeline, TopologyDescription } from './pipeline/pipeline.js'
export type { RecordInfo } from './pipeline/record-info.js'
export {
  type Joinable,
  type Joined,
  type JoinOptions,
  type Stream,
  type StreamOptions,
  stream,
} from './pipeline/stream.js'
export { type History, type Table, type TableOptions, table } from './pipeline/table.js'
export { type ReadableTopic, type Topic, topic, type WritableTopic } from './pipeline/topic.js'
export type { InnerWait, LeftWait } from './pipeline/wait.js'
export type { Headers, LogRecord, NewRecord, Origin } from './record.js'
export { bytes } from './serde/bytes.js'
export { int64 } from './serde/int64.js'
export { type JsonLimits, json } from './serde/json.js'
export type { Decoder, Encoder, Serde } from './serde/serde.js'
export type { StandardResult, StandardSchema } from './serde/standard-schema.js'
export { text } from './serde/text.js'
export type { StateStores } from './store/contract.js'
export { type MemoryStoresOptions, memoryStores } from './store/memory/memory-stores.js'
export type { CacheBytes, CacheOptions, CacheRows } from './store/row-cache.js'
