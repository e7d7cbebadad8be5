/**
 * Every place, with what has just happened there. The crash harness kills at each of them, and fails if it never came by
 * one.
 */
export const FAILPOINTS = [
  // a task is opened
  'open.proved',
  'open.fenced',
  'open.owner-written',
  'open.owner-committed',
  'open.owner-readable',
  'open.stores',
  // and restored
  'restore.changelog',
  'restore.table',
  'restore.done',
  // its gate opens
  'catch-up.evaluated',
  'catch-up.opened',
  // records are processed
  'batch.table',
  'batch.woken',
  'batch.stream',
  'expiry.evaluated',
  // and committed
  'commit.begun',
  'commit.partitions-added',
  'commit.produced',
  'commit.committed',
  'store.writing',
  'store.written',
  // the task is opened again, given away, lost, closed
  'reopen.discarded',
  'revoke.begun',
  'revoke.flushed',
  'lost.notified',
  'close.flushed',
  // a request of Kafka's protocol, by its API key
  'request.sent',
] as const

/** A place where a process can be ended on purpose. */
export type Failpoint = (typeof FAILPOINTS)[number]
