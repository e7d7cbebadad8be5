import { ownerRecord } from '../../changelog/keys.js'
import { reportsTopic } from '../../changelog/reports-topic.js'
import type { Clock } from '../../clock.js'
import { JoineryError } from '../../errors.js'
import { type NewRecord, NO_HEADERS } from '../../record.js'
import type { CommitResult, LogTasks, TaskSession, TaskWork, TopicInfo } from '../contract.js'
import type { MemoryTopics } from './memory-topics.js'

/** Fenced sessions in memory. Only the session of the latest OWNER record of a task can commit. */
export class MemoryTasks implements LogTasks<'exactly-once'> {
  readonly guarantees = ['exactly-once'] as const
  readonly #topics: MemoryTopics
  readonly #clock: Clock
  /** The offset of the latest OWNER record, by changelog and task. */
  readonly #owners = new Map<string, number>()
  #sessions = 0

  constructor(topics: MemoryTopics, clock: Clock) {
    this.#topics = topics
    this.#clock = clock
  }

  async prepare({
    application,
    partitions,
    reports = false,
  }: {
    readonly application: string
    readonly partitions: number
    readonly reports?: boolean
  }): Promise<TopicInfo> {
    if (reports) this.#topics.get(reportsTopic(application), { partitions }).subscribe(application)
    const name = changelogOf(application)
    const topic = this.#topics.get(name, { partitions, cleanup: 'compact' })
    if (topic.info.partitions !== partitions) {
      throw new JoineryError(
        'PARTITIONS_CHANGED',
        `${name} has ${topic.info.partitions} partitions, but the inputs have ${partitions}: keys map to other partitions now, so give the application another name (reset fails, because it keeps the changelog)`,
        { topic: name },
      )
    }
    return topic.info
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const name = changelogOf(application)
    const topic = this.#topics.get(name)
    const changelog = topic.partition(task)
    const session = Buffer.alloc(16)
    session.writeDoubleBE(++this.#sessions)
    const record = (key: Uint8Array, value: Uint8Array | null): NewRecord => ({
      topic: name,
      key,
      value,
      timestamp: this.#clock.now(),
      headers: NO_HEADERS,
    })
    const openedAt = this.#clock.now()
    const owner = ownerRecord({ session, transactionalId: '' })
    const offset = changelog.append([record(owner.key, owner.value)], true)
    const id = `${name}/${task}`
    this.#owners.set(id, offset)
    let isClosed = false
    return {
      token: { topicId: topic.info.id, offset },
      openedAt,
      changelog: { topic: name, partition: task },
      commit: async (work: TaskWork): Promise<CommitResult> => {
        if (!isClosed && this.#owners.get(id) === offset) await this.#topics.waitForRoom(work.outputs)
        if (this.#owners.get(id) !== offset) return { outcome: 'fenced' }
        if (isClosed) return { outcome: 'rejected' }
        this.#topics.append(work.outputs, true)
        const changelogOffset = changelog.append(
          work.changelog.map(({ key, value }) => record(key, value)),
          true,
        )
        for (const [input, next] of work.offsets) this.#topics.get(input).setPosition(application, task, next)
        this.#topics.positionsChanged()
        return { outcome: 'committed', changelogOffset }
      },
      close: async () => {
        isClosed = true
      },
    }
  }
}

const changelogOf = (application: string): string => `${application}-changelog`
