import { type Clock, systemClock } from '../clock.js'
import { JoineryError } from '../errors.js'
import { checkOptionNames } from '../unknown-options.js'
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

/** The parts that every log has. {@link composeLog} also needs `tasks`, `offsets` or both. */
export interface LogParts {
  /** Layer 1: reads. */
  readonly source: LogSource
  /** Layer 2: appends outside of tasks. */
  readonly sink: LogSink
  /**
   * Layer 3: distributes tasks among instances.
   * @defaultValue `singleMember(source)`
   */
  readonly group?: LogGroup
  /** Releases resources such as connections when the log is disposed of. */
  readonly close?: () => PromiseLike<void>
  /**
   * Measures what the log holds in memory.
   *
   * @returns the sizes by name; `app.metrics().gauges` includes them
   */
  readonly gauges?: () => Readonly<Record<string, number>>
  /**
   * Describes what the log is retrying now.
   *
   * @returns one text for each problem, which `app.health().problems` includes; an empty array if there is none
   */
  readonly problems?: () => readonly string[]
  /**
   * The source of time for sessions that save offsets.
   * @defaultValue `systemClock`
   */
  readonly clock?: Clock
}

/** Layer 4 of a log with transactions. */
export interface TasksPart {
  /** Opens fenced sessions that commit exactly once. */
  readonly tasks: LogTasks
}

/** Layer 4 of a log without transactions. */
export interface OffsetsPart {
  /** Stores the offsets from which tasks resume that commit at least once. */
  readonly offsets: LogOffsets
}

const PARTS: Readonly<Record<keyof (LogParts & TasksPart & OffsetsPart), true>> = {
  source: true,
  sink: true,
  group: true,
  tasks: true,
  offsets: true,
  close: true,
  gauges: true,
  problems: true,
  clock: true,
}

/**
 * Composes a log from its layers.
 *
 * @returns the log, which offers `'exactly-once'` with `tasks`, and `'at-least-once'` with `offsets`
 * @throws JoineryError `OPTION_INVALID` without `tasks` and `offsets`, or for a part that does not exist
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import type { LogSink, LogSource } from '@joinery/core/log'
 *
 * const source: LogSource = log.source // your own
 * const sink: LogSink = log.sink
 * const composed = composeLog({ source, sink, offsets: offsetFiles(mkdtempSync('/tmp/offsets-')) })
 * console.log(composed.tasks.guarantees) // [ 'at-least-once' ]
 * ```
 */
export function composeLog(parts: LogParts & TasksPart & OffsetsPart): Log<Guarantee>
export function composeLog(parts: LogParts & TasksPart & { readonly offsets?: undefined }): Log<'exactly-once'>
export function composeLog(parts: LogParts & OffsetsPart & { readonly tasks?: undefined }): Log<'at-least-once'>
export function composeLog(
  parts: LogParts & { readonly tasks?: TasksPart['tasks'] | undefined; readonly offsets?: LogOffsets | undefined },
): Log<Guarantee> {
  checkOptionNames('composeLog', parts, PARTS)
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

/** Delegates to the layer that gives the requested guarantee. */
class ComposedTasks implements LogTasks<Guarantee> {
  readonly guarantees: readonly Guarantee[]
  readonly #layers: ReadonlyMap<Guarantee, LogTasks<never>>

  constructor(exactlyOnce: LogTasks | undefined, atLeastOnce: LogTasks<'at-least-once'> | undefined) {
    this.#layers = new Map<Guarantee, LogTasks<never>>([
      ...(exactlyOnce === undefined ? [] : [['exactly-once', exactlyOnce] as const]),
      ...(atLeastOnce === undefined ? [] : [['at-least-once', atLeastOnce] as const]),
    ])
    this.guarantees = [...this.#layers.keys()]
    if (this.guarantees.length === 0)
      throw new JoineryError(
        'OPTION_INVALID',
        'a log needs `tasks` for exactly-once, `offsets` for at-least-once, or both',
      )
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
