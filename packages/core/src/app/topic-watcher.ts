import type { Clock, Timer } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { LogSource, TopicInfo } from '../log/contract.js'

const EVERY_MS = 60_000

/** Looks now and then whether the inputs are still the topics that the tasks were made for. */
export class TopicWatcher {
  readonly #source: LogSource
  readonly #inputs: readonly TopicInfo[]
  readonly #clock: Clock
  readonly #failed: (error: Error) => void
  #timer: Timer | undefined
  #isStopped = false
  /** What the last look failed with, where it may succeed later. */
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

  /** Fails if an input is not what it was. */
  async check(): Promise<void> {
    try {
      const now = await this.#source.describe(this.#inputs.map(({ topic }) => topic))
      this.#inputs.forEach((before, i) => {
        checkSame(before, now[i] as TopicInfo)
      })
      this.problem = undefined
    } catch (error) {
      if (!(isJoineryError(error) && error.retriable)) throw error
      this.problem = `the inputs cannot be looked at: ${error.message}`
    }
  }
}

/** Fails if a topic is not what it was: keys have moved, or offsets mean something else. */
export function checkSame(before: TopicInfo, now: TopicInfo): void {
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
      `cleanup.policy of ${topic} was ${before.cleanup} and is ${now.cleanup} now: set it back, or reset the application`,
      { topic },
    )
  }
}
