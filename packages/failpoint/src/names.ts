/**
 * The names of all failpoints, each after the step that has just completed. The crash tests kill a process at each of them, and fail if
 * one was never reached.
 */
export const FAILPOINTS = [
  // a task is opened
  'open.verified',
  'open.producer-ready',
  'open.owner-committed',
  'open.owner-readable',
  'open.stores',
  // the task is restored
  'restore.changelog',
  'restore.table',
  'restore.done',
  // its tables have caught up
  'catch-up.evaluated',
  'catch-up.opened',
  // records are processed
  'batch.table',
  'batch.woken',
  'batch.stream',
  'expiry.evaluated',
  // the work is committed
  'commit.begun',
  'commit.partitions-added',
  'commit.produced',
  'commit.checked',
  'commit.committed',
  'store.writing',
  'store.written',
  // the task is reopened, revoked, lost, closed
  'reopen.discarded',
  'revoke.begun',
  'revoke.flushed',
  'lost.notified',
  'close.flushed',
  // a request of Kafka's protocol, by its API key
  'request.sent',
] as const

/** The name of a failpoint. */
export type Failpoint = (typeof FAILPOINTS)[number]
