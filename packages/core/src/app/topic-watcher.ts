import type { Clock, Timer } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import { checkInput } from '../task/restore/check-input.js'
import { keptTables } from '../task/tables/kept-tables.js'
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
 * Checks periodically whether an application would start with the topics as they are now, and accept the state of this one. It is
 * stopped where it would not. Where it would, its tasks are opened again if they depend on a setting that has changed.
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

  /** @throws JoineryError if an application would not start with these topics, or would not accept the state of this one */
  async check(): Promise<void> {
    const before = this.#topics
    const { application, plan, log, changed } = this.#options
    try {
      const current = await log.source.describe([...before.inputs.keys()])
      for (const now of current)
        checkInput({ ...before, application, plan }, before.inputs.get(now.topic) as TopicInfo, now)
      if (this.#isStopped) return
      const now = await describeTopics({ ...this.#options, create: false })
      if (now.changelog.id !== before.changelog.id) throw changelogRecreated(application, plan, now.changelog)
      checkKeptTables(application, plan, before.inputs, now.inputs)
      if (this.#isStopped) return
      this.problem = undefined
      this.#topics = now
      this.#report(now.notices.filter((notice) => !before.notices.includes(notice)))
      changed(now, usedByTasks(plan, before) !== usedByTasks(plan, now))
    } catch (error) {
      if (!(isJoineryError(error) && error.retriable)) throw error
      this.problem = `the topics cannot be described: ${error.message}`
    }
  }
}

/** @returns the settings that a task reads when it starts */
function usedByTasks({ tables }: ApplicationPlan, { inputs, outputs, changelog }: ApplicationTopics): string {
  const ofTables = tables.map(({ topic }) => {
    const { cleanup, deleteRetentionMs } = inputs.get(topic) as TopicInfo
    return [topic, cleanup, deleteRetentionMs]
  })
  return JSON.stringify([
    ofTables,
    [...outputs].map(([topic, { maxMessageBytes }]) => [topic, maxMessageBytes]),
    [changelog.deleteRetentionMs, changelog.maxMessageBytes],
  ])
}

/** @throws JoineryError `PIPELINE_CHANGED` if the rows of a table are kept elsewhere now: the state of the tasks would be refused */
function checkKeptTables(
  application: string,
  plan: ApplicationPlan,
  before: ApplicationTopics['inputs'],
  now: ApplicationTopics['inputs'],
): void {
  const [keptBefore, keptNow] = [keptTables(plan, before), keptTables(plan, now)]
  for (const { topic } of plan.tables) {
    if (keptBefore.has(topic) === keptNow.has(topic)) continue
    const what = `cleanup.policy of table ${topic} was ${before.get(topic)?.cleanup} and is ${now.get(topic)?.cleanup} now`
    throw new JoineryError('PIPELINE_CHANGED', `${what}: change it back, or reset ${application}`, { topic })
  }
}

function changelogRecreated(application: string, { calls }: ApplicationPlan, { topic }: TopicInfo): JoineryError {
  const remedy =
    calls.length > 0
      ? `find out from the service which calls were made, and give ${application} another name`
      : `start ${application} again, which then processes its inputs from their beginning, or reset it with streams: 'latest'`
  return new JoineryError(
    'TOPIC_RECREATED',
    `changelog ${topic} was deleted and created again, so the state in it is lost: ${remedy}`,
    { topic },
  )
}
