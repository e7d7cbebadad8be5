import type { Topic } from './topic.js'

/**
 * Why a stream record was dropped or dead-lettered. `refused`: the brokers do not accept its result. For calls: `duplicate`, a call with this id was accepted before;
 * `call-conflict`, the id belongs to another payload; `in-doubt`, a call is in doubt and waits for a decision; `abandoned`, a
 * person decided that it will not be made.
 */
export type Reason =
  | 'undecodable'
  | 'function-threw'
  | 'function-blocked'
  | 'no-row'
  | 'not-ready'
  | 'wait-buffer-full'
  | 'null-key'
  | 'null-value'
  | 'filtered'
  | 'too-large'
  | 'refused'
  | 'duplicate'
  | 'call-conflict'
  | 'in-doubt'
  | 'abandoned'

/**
 * Writes a record to a topic instead of losing it, with its original key, value, headers and timestamp, and with the reason in
 * `joinery-*` headers. The topic must exist. {@link deadLetterInfo} reads the headers back.
 */
export interface DeadLetter {
  /** A topic of raw bytes, or its name. */
  readonly deadLetter: string | Topic<Uint8Array, Uint8Array>
}

/** @returns the name of the topic that dead letters go to */
export function deadLetterTopic(target: DeadLetter): string {
  return typeof target.deadLetter === 'string' ? target.deadLetter : target.deadLetter.name
}

/** @returns whether an option is a dead letter; JavaScript callers can pass anything */
export function isDeadLetter(target: unknown): target is DeadLetter {
  if (typeof target !== 'object' || target === null || !('deadLetter' in target)) return false
  const { deadLetter } = target
  if (typeof deadLetter === 'string') return true
  return typeof deadLetter === 'object' && deadLetter !== null && 'name' in deadLetter
}

/** Handling of records that cannot be decoded, or for which a user function threw. */
export interface ErrorHandling {
  /**
   * `'halt'` stops the application with the error, once everything before the record is committed; nothing after it is
   * processed.
   * @defaultValue `'halt'`
   */
  readonly onError?: 'halt' | DeadLetter
}
