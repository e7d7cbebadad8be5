import type { Clock, Timer } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { LogSource, TopicInfo } from '../log/contract.js'

const EVERY_MS = 60_000

/** Checks periodically whether the inputs are still the topics that the tasks were started with. */
export class TopicWatcher {
  readonly #source: LogSource
  readonly #inputs: readonly TopicInfo[]
  readonly #clock: Clock
  readonly #failed: (error: Error) => void
  #timer: Timer | undefined
  #isStopped = false
  /** The error of the last check, if it was retriable; as text. */
  problem: string | undefined

  constructor(source: LogSource, inputs: readonly TopicInfo[], clock: Clock, failed: (error: Error) => void) {
    this.#source = source
    this.#inputs = inputs
    this.#clock = clock
    this.#failed = failed
  }

  start(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.check().then(
        () => {
          if (!this.#isStopped) this.start()
        },
        (error: Error) => {
          if (!this.#isStopped) this.#failed(error)
        },
      )
    }, EVERY_MS)
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

  /** @throws JoineryError if an input is no longer the same topic */
  async check(): Promise<void> {
    try {
      const now = await this.#source.describe(this.#inputs.map(({ topic }) => topic))
      this.#inputs.forEach((before, i) => {
        checkSame(before, now[i] as TopicInfo)
      })
      this.problem = undefined
    } catch (error) {
      if (!(isJoineryError(error) && error.retriable)) throw error
      this.problem = `the inputs cannot be described: ${error.message}`
    }
  }
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
