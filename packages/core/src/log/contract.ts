// The contract of a log, in layers, which your own log implements.
export type { Headers, LogRecord, NewRecord, Origin } from '../record.js'
export type { Log } from './contract/log.js'
export type { GroupMember, LogGroup, Membership } from './contract/log-group.js'
export type { LogOffsets, OffsetAndMetadata, TaskOffsets } from './contract/log-offsets.js'
export type { LogSink } from './contract/log-sink.js'
export type {
  Batch,
  FetchedEnds,
  LogSource,
  OutputTopicInfo,
  ReadPosition,
  TopicInfo,
  TopicPartition,
} from './contract/log-source.js'
export type { Guarantee, LogTasks } from './contract/log-tasks.js'
export type {
  ChangelogRecord,
  CommitOutcome,
  CommitResult,
  OutputBuffer,
  TaskSession,
  TaskToken,
  TaskWork,
} from './contract/task-session.js'
