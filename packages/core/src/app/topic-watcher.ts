import type { Clock, Timer } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { TopicInfo } from '../log/contract.js'
import type { AppEvent } from './app-event.js'
import { type ApplicationTopics, type ApplicationTopicsOptions, describeTopics } from './input-topics.js'

const EVERY_MS = 60_000

/** Options of {@link TopicWatcher}. */
export interface TopicWatcherOptions extends ApplicationTopicsOptions {
  readonly clock: Clock
  readonly failed: (error: Error) => void
  /** Receives an event for each output that may lose records. */
  readonly emit: (event: AppEvent) => void
  /** Called with the current settings, and whether the tasks depend on what has changed. */
  readonly changed: (topics: ApplicationTopics, mustRestart: boolean) => void
}

/**
 * Checks periodically whether the inputs and the changelog are still the topics that the tasks were started with, and whether the
 * settings of all topics are still those that an application starts with.
 */
export class TopicWatcher {
  readonly #options: TopicWatcherOptions
  #topics: ApplicationTopics
  #timer: Timer | undefined
  #isStopped = false
  /** The error of the last check, if it was retriable; as text. */
  problem: string | undefined

  constructor(topics: ApplicationTopics, options: TopicWatcherOptions) {
    this.#topics = topics
    this.#options = options
    this.#report(topics.notices)
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.check().then(
        () => {
          if (!this.#isStopped) this.start()
        },
        (error: Error) => {
          if (!this.#isStopped) this.#options.failed(error)
        },
      )
    }, EVERY_MS)
  }

  #report(notices: readonly string[]): void {
    for (const problem of notices) this.#options.emit({ type: 'unsuitable-output', problem })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** @returns the error of a task, or a more precise one: an offset may be out of range because a topic was recreated */
  async explain(error: Error): Promise<Error> {
    if (!isJoineryError(error, 'OFFSET_OUT_OF_RANGE')) return error
    return this.check().then(
      () => error,
      (why: Error) => why,
    )
  }

  /** @throws JoineryError if an input is no longer the same topic, or if an application would not start with the settings */
  async check(): Promise<void> {
    const before = this.#topics
    const inputs = [...before.inputs.values()]
    const { log, changed } = this.#options
    try {
      const current = await log.source.describe(inputs.map(({ topic }) => topic))
      inputs.forEach((input, i) => {
        checkSame(input, current[i] as TopicInfo)
      })
      if (this.#isStopped) return
      const now = await describeTopics({ ...this.#options, create: false })
      checkSame(before.changelog, now.changelog)
      if (this.#isStopped) return
      this.problem = undefined
      this.#topics = now
      this.#report(now.notices.filter((notice) => !before.notices.includes(notice)))
      changed(now, usedByTasks(before) !== usedByTasks(now))
    } catch (error) {
      if (!(isJoineryError(error) && error.retriable)) throw error
      this.problem = `the topics cannot be described: ${error.message}`
    }
  }
}

/** @returns the settings that a task reads when it starts */
function usedByTasks({ inputs, outputs, changelog }: ApplicationTopics): string {
  return JSON.stringify([
    [...inputs.values()].map(({ topic, deleteRetentionMs }) => [topic, deleteRetentionMs]),
    [...outputs].map(([topic, { maxMessageBytes }]) => [topic, maxMessageBytes]),
    [changelog.deleteRetentionMs, changelog.maxMessageBytes],
  ])
}

/** @throws JoineryError if a topic has changed: keys have moved, or offsets have another meaning */
function checkSame(before: TopicInfo, now: TopicInfo): void {
  const { topic } = before
  if (now.id !== before.id) {
    throw new JoineryError(
      'TOPIC_RECREATED',
      `${topic} was deleted and created again: reset the application, or give it another name`,
      { topic },
    )
  }
  if (now.partitions !== before.partitions) {
    throw new JoineryError(
      'PARTITIONS_CHANGED',
      `${topic} had ${before.partitions} partitions and has ${now.partitions} now, so keys have moved: reset the application, or give it another name`,
      { topic },
    )
  }
  if (now.cleanup !== before.cleanup) {
    throw new JoineryError(
      'PIPELINE_CHANGED',
      `cleanup.policy of ${topic} was ${before.cleanup} and is ${now.cleanup} now: change it back, or reset the application`,
      { topic },
    )
  }
}
