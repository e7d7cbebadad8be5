import { type Clock, systemClock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type {
  Guarantee,
  Log,
  LogGroup,
  LogOffsets,
  LogSink,
  LogSource,
  LogTasks,
  TaskSession,
  TopicInfo,
} from './contract.js'
import { OffsetTasks } from './offsets/offset-tasks.js'
import { singleMember } from './single-member.js'

/** What every log is made of; beside it, {@link composeLog} needs `tasks`, or `offsets`, or both. */
export interface LogParts {
  /** Layer 1. */
  readonly source: LogSource
  /** Layer 2. */
  readonly sink: LogSink
  /**
   * Layer 3.
   * @defaultValue `singleMember(source)`
   */
  readonly group?: LogGroup
  /** Ends connections and the like, when the log is disposed of. */
  readonly close?: () => PromiseLike<void>
  /** Sizes of what the log holds in memory, by name. */
  readonly gauges?: () => Readonly<Record<string, number>>
  /** What the log is retrying now, in words. */
  readonly problems?: () => readonly string[]
  /**
   * Tells the time where offsets are kept.
   * @defaultValue the machine's clock
   */
  readonly clock?: Clock
}

/** Layer 4 of a log with transactions. */
export interface TasksPart {
  /** Fenced sessions that commit exactly once. */
  readonly tasks: LogTasks
}

/** Layer 4 of a log without transactions. */
export interface OffsetsPart {
  /** Where tasks go on that commit at least once. */
  readonly offsets: LogOffsets
}

/**
 * Makes a log of its layers. With `tasks` it offers `'exactly-once'`, with `offsets` `'at-least-once'`.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import type { LogSink, LogSource } from '@joinery/core/log'
 *
 * const source: LogSource = log.source // yours
 * const sink: LogSink = log.sink
 * const mine = composeLog({ source, sink, offsets: offsetFiles(mkdtempSync('/tmp/offsets-')) })
 * console.log(mine.tasks.guarantees) // [ 'at-least-once' ]
 * ```
 */
export function composeLog(parts: LogParts & TasksPart & OffsetsPart): Log<Guarantee>
export function composeLog(parts: LogParts & TasksPart & { readonly offsets?: undefined }): Log<'exactly-once'>
export function composeLog(parts: LogParts & OffsetsPart & { readonly tasks?: undefined }): Log<'at-least-once'>
export function composeLog(
  parts: LogParts & { readonly tasks?: TasksPart['tasks'] | undefined; readonly offsets?: LogOffsets | undefined },
): Log<Guarantee> {
  const {
    source,
    sink,
    group = singleMember(source),
    tasks,
    offsets,
    gauges,
    problems,
    close,
    clock = systemClock,
  } = parts
  return {
    source,
    sink,
    group,
    tasks: new ComposedTasks(tasks, offsets && new OffsetTasks(sink, offsets, clock)),
    ...(gauges && { gauges }),
    ...(problems && { problems }),
    [Symbol.asyncDispose]: async () => close?.(),
  }
}

/** Chooses by guarantee. */
class ComposedTasks implements LogTasks<Guarantee> {
  readonly guarantees: readonly Guarantee[]
  readonly #layers: ReadonlyMap<Guarantee, LogTasks<never>>

  constructor(exactly: LogTasks | undefined, least: LogTasks<'at-least-once'> | undefined) {
    this.#layers = new Map<Guarantee, LogTasks<never>>([
      ...(exactly === undefined ? [] : [['exactly-once', exactly] as const]),
      ...(least === undefined ? [] : [['at-least-once', least] as const]),
    ])
    this.guarantees = [...this.#layers.keys()]
    if (this.guarantees.length === 0)
      throw new JoineryError('OPTION_INVALID', 'a log needs tasks, for exactly-once, or offsets, for at-least-once')
  }

  prepare({ guarantee, ...options }: Parameters<LogTasks<Guarantee>['prepare']>[0]): Promise<TopicInfo> {
    return this.#layer(guarantee).prepare(options)
  }

  open({ guarantee, ...options }: Parameters<LogTasks<Guarantee>['open']>[0]): Promise<TaskSession> {
    return this.#layer(guarantee).open(options)
  }

  #layer(guarantee = this.guarantees[0] as Guarantee): LogTasks<never> {
    const layer = this.#layers.get(guarantee)
    if (layer !== undefined) return layer
    throw new JoineryError('OPTION_INVALID', `this log offers ${this.guarantees.join(' and ')}, not ${guarantee}`)
  }
}
