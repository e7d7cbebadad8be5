import { type Duration, durationMs, sizeBytes } from '../duration.js'
import { isJoineryError, JoineryError } from '../errors.js'
import { type OptionNames, unknownOptions } from '../unknown-options.js'
import { deadLetterTopic, type ErrorHandling, isDeadLetter } from './dead-letter.js'
import type { JoinStep } from './description.js'
import { INNER_WAIT, LEFT_WAIT, OUTPUT_OPTIONS } from './option-names.js'
import type { OutputOptions } from './output-options.js'
import type { TableOptions } from './table.js'
import { isTopicName } from './topic.js'

/** The dead-letter topic of a record that cannot be processed, or `'halt'`. */
export type OnError = { readonly topic: string } | 'halt'

/** A checked wait, in numbers. */
export interface WaitPlan {
  readonly atMostMs: number
  readonly ready: ((row: unknown, value: unknown) => boolean) | undefined
  readonly maxRecords: number
  readonly maxBytes: number
  /** The dead-letter topic of events that arrive when the wait buffer is full; `undefined` to pause the stream. */
  readonly deadLetterWhenFull: string | undefined
  /** Inner joins: a dead-letter topic, or `undefined` to drop. */
  readonly otherwise: string | undefined
}

const DEFAULT_MAX_RECORDS = 100_000
const DEFAULT_MAX_BYTES = '64MiB'

/** Converts the options of one pipeline to numbers and topic names, and reports problems with them. */
export class OptionValidator {
  readonly #problem: (text: string) => void
  /** The dead-letter topics of all options so far. */
  readonly outputs: Set<string> = new Set()

  constructor(problem: (text: string) => void) {
    this.#problem = problem
  }

  /** Reports options that do not exist. */
  names(what: string, options: object, known: OptionNames): void {
    for (const problem of unknownOptions(options, known)) this.#problem(`${what}: ${problem}`)
  }

  onError(what: string, { onError = 'halt' }: ErrorHandling): OnError {
    const topic = this.#target(`${what}: onError`, onError, 'halt')
    return topic === undefined ? 'halt' : { topic }
  }

  timestamps(sink: string, options: OutputOptions): 'event' | 'now' {
    this.names(`output ${sink}`, options, OUTPUT_OPTIONS)
    const { timestamps = 'event' } = options
    if (timestamps !== 'event' && timestamps !== 'now')
      this.#problem(`output ${sink}: timestamps is ${JSON.stringify(timestamps)}: use 'event' or 'now'`)
    return timestamps
  }

  /** @returns the topic of a required dead letter */
  deadLetter(what: string, target: unknown): string {
    const topic = this.#target(what, target, undefined)
    return topic ?? ''
  }

  durationMs(what: string, value: Duration, minMs: number): number {
    return this.#number(what, () => {
      const ms = durationMs(value, what)
      if (ms < minMs)
        throw new JoineryError('OPTION_INVALID', `${what} is ${JSON.stringify(value)}: use at least '${minMs}ms'`)
      return ms
    })
  }

  order(topic: string, { order = 'table-first' }: TableOptions): 'table-first' | 'by-timestamp' {
    if (order !== 'table-first' && order !== 'by-timestamp')
      this.#problem(`table ${topic}: order is ${JSON.stringify(order)}: use 'table-first' or 'by-timestamp'`)
    return order
  }

  maxBytes(topic: string, { maxBytes }: TableOptions): number | undefined {
    if (maxBytes === undefined) return undefined
    return this.#number(`table ${topic}`, () => sizeBytes(maxBytes, 'maxBytes'))
  }

  wait({ kind, options: { wait } }: JoinStep, join: string): WaitPlan | undefined {
    if (wait === undefined) return undefined
    this.names(`join ${join}: wait`, wait, kind === 'inner' ? INNER_WAIT : LEFT_WAIT)
    const { maxRecords = DEFAULT_MAX_RECORDS, maxBytes = DEFAULT_MAX_BYTES, whenFull = 'pause', otherwise } = wait
    if (!Number.isSafeInteger(maxRecords) || maxRecords < 1)
      this.#problem(`join ${join}: wait.maxRecords is ${maxRecords}: use a whole number of at least 1`)
    if (kind === 'inner' && otherwise === undefined)
      this.#problem(`join ${join}: an inner join that waits needs wait.otherwise: 'drop' or { deadLetter }`)
    return {
      atMostMs: this.#number(`join ${join}`, () => durationMs(wait.atMost as Duration, 'wait.atMost')),
      ready: wait.ready,
      maxRecords,
      maxBytes: this.#number(`join ${join}`, () => sizeBytes(maxBytes, 'wait.maxBytes')),
      deadLetterWhenFull: this.#target(`join ${join}: wait.whenFull`, whenFull, 'pause'),
      otherwise: this.#target(`join ${join}: wait.otherwise`, otherwise ?? 'drop', 'drop'),
    }
  }

  #number(what: string, read: () => number): number {
    try {
      return read()
    } catch (error) {
      if (!isJoineryError(error, 'OPTION_INVALID')) throw error
      this.#problem(`${what}: ${error.message}`)
      return 0
    }
  }

  /**
   * @param none the value that means no dead letter, if there is one
   * @returns the topic of a dead letter, or `undefined` if there is none
   */
  #target(what: string, target: unknown, none: string | undefined): string | undefined {
    if (none !== undefined && target === none) return undefined
    const topic = isDeadLetter(target) ? deadLetterTopic(target) : undefined
    if (topic === undefined) {
      const use = none === undefined ? '{ deadLetter }' : `'${none}' or { deadLetter }`
      this.#problem(`${what} is ${JSON.stringify(target)}: use ${use}`)
      return undefined
    }
    if (!isTopicName(topic)) this.#problem(`${what}: ${JSON.stringify(topic)} cannot be the name of a topic`)
    this.outputs.add(topic)
    return topic
  }
}
