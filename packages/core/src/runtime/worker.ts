import type { Clock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type { OutputTopic } from '../join/effects.js'
import type { GroupMember, Log, Membership, TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { StateStore, StateStores } from '../store/contract.js'
import type { AppEvent } from './app.js'
import { Task, type TaskListener } from './task.js'
import { WAITERS } from './task-state.js'

/** What a worker works with. */
export interface WorkerOptions {
  readonly application: string
  readonly plan: ApplicationPlan
  readonly log: Log<'exactly-once'>
  readonly stores: StateStores
  readonly clock: Clock
  readonly commitEveryMs: number
  readonly commitBytes: number
  readonly maxIdleMs: number
  readonly emit: (event: AppEvent) => void
  readonly failed: (error: Error) => void
  /** The assignment, or a task's phase, has changed. */
  readonly changed: () => void
}

/** Facts about topics, gathered before anything starts. */
interface Topics {
  readonly inputs: ReadonlyMap<string, TopicInfo>
  readonly outputs: ReadonlyMap<string, OutputTopic>
  readonly changelog: TopicInfo
}

interface Held {
  readonly task: Task
  readonly stores: ReadonlyMap<string, StateStore>
}

/** Turns the group's assignment into running tasks. */
export class Worker implements GroupMember {
  readonly #options: WorkerOptions
  readonly #tasks = new Map<number, Held>()
  #topics: Topics | undefined
  #membership: Membership | undefined
  #assignment: Promise<void> = Promise.resolve()
  #generation = 0
  #isAssigned = false
  #isClosing = false

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** Whether the group has given an assignment. */
  get isAssigned(): boolean {
    return this.#isAssigned
  }

  get tasks(): readonly Task[] {
    return Array.from(this.#tasks.values(), ({ task }) => task)
  }

  get partitions(): number {
    return this.#topics?.inputs.values().next().value?.partitions ?? 0
  }

  task(partition: number): Task | undefined {
    return this.#tasks.get(partition)?.task
  }

  /** Checks topics, makes the changelog, and joins the group. */
  async start(): Promise<void> {
    const { application, plan, log } = this.#options
    this.#topics = await describeTopics(this.#options)
    this.#membership = await log.group.join(application, plan.inputs, this)
    if (this.#isClosing) await this.#membership.leave()
  }

  assigned(partitions: readonly number[]): void {
    const generation = ++this.#generation
    this.#options.emit({ type: 'assigned', tasks: partitions })
    this.#assignment = this.#assignment
      .then(() => this.#assign(partitions, generation))
      .catch((error: unknown) => this.failed(error as Error))
  }

  async #assign(partitions: readonly number[], generation: number): Promise<void> {
    const wanted = new Set(partitions)
    for (const partition of [...this.#tasks.keys()]) if (!wanted.has(partition)) await this.#drop(partition, 'abandon')
    for (const partition of partitions) {
      if (generation !== this.#generation || this.#isClosing) return
      const held = this.#tasks.get(partition)
      if (held === undefined) await this.#start(partition)
      else held.task.resume()
    }
    this.#isAssigned = true
    this.#options.changed()
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.#generation++
    this.#options.emit({ type: 'revoked', tasks: partitions })
    await Promise.all(partitions.map((partition) => this.#tasks.get(partition)?.task.quiesce()))
  }

  lost(): void {
    this.#generation++
    this.#options.emit({ type: 'lost' })
    const lost = [...this.#tasks.keys()]
    this.#assignment = this.#assignment.then(async () => {
      await Promise.all(lost.map((partition) => this.#drop(partition, 'abandon')))
    })
  }

  held(): readonly number[] {
    return [...this.#tasks.keys()]
  }

  failed(error: Error): void {
    this.#options.failed(error)
  }

  /** Commits and closes all tasks, then leaves the group. */
  async close(how: 'close' | 'abandon'): Promise<void> {
    this.#isClosing = true
    this.#generation++
    await this.#assignment
    // they stay on the list: their totals are still asked for
    await Promise.all([...this.#tasks.values()].map((held) => this.#end(held, how)))
    await this.#membership?.leave()
  }

  async #start(partition: number): Promise<void> {
    const { application, plan, log, stores, emit, changed, clock, commitBytes, commitEveryMs, maxIdleMs } =
      this.#options
    const names = [WAITERS, ...plan.tables.map(({ topic }) => topic)]
    const opened = new Map<string, StateStore>()
    for (const name of names) opened.set(name, await stores.open({ application, name, partition, token: 0 }))
    const listener: TaskListener = {
      outcomes: (outcomes) => outcomes.forEach(emit),
      restored: (task, rows, tookMs) => {
        emit({ type: 'restored', task, rows, tookMs })
        changed()
      },
      running: changed,
      reopening: (task, why) => emit({ type: 'reopening', task, why }),
      retrying: (error, inMs) => emit({ type: 'retrying', error, inMs }),
      halted: (error) => this.failed(error),
    }
    const task = new Task({
      ...(this.#topics as Topics),
      application,
      partition,
      plan,
      clock,
      commitBytes,
      commitEveryMs,
      maxIdleMs,
      listener,
      source: log.source,
      tasks: log.tasks,
      stores: opened,
      prove: async () => (await this.#membership?.prove()) ?? 'rebalancing',
    })
    this.#tasks.set(partition, { task, stores: opened })
  }

  async #drop(partition: number, how: 'close' | 'abandon'): Promise<void> {
    const held = this.#tasks.get(partition)
    if (held === undefined) return
    await this.#end(held, how)
    this.#tasks.delete(partition)
  }

  async #end({ task, stores }: Held, how: 'close' | 'abandon'): Promise<void> {
    await task[how]()
    for (const store of stores.values()) await store.close()
  }
}

/** Reads what the inputs and outputs are, and says everything that does not fit at once. */
async function describeTopics({ application, plan, log }: WorkerOptions): Promise<Topics> {
  const inputs = await log.source.describe(plan.inputs)
  const outputs = await log.source.describe(plan.outputs)
  const partitions = inputs[0]?.partitions ?? 0
  if (inputs.some((input) => input.partitions !== partitions)) {
    const counts = inputs.map((input) => `${input.topic} has ${input.partitions}`).join(', ')
    throw new JoineryError(
      'PIPELINE_INVALID',
      `joined topics need the same number of partitions, so that equal keys meet: ${counts}`,
      { problems: [counts] },
    )
  }
  const maxMessageBytes = Math.max(...inputs.map((input) => input.maxMessageBytes))
  const changelog = await log.tasks.prepare({ application, partitions, maxMessageBytes })
  return { inputs: byTopic(inputs), outputs: byTopic(outputs), changelog }
}

const byTopic = (infos: readonly TopicInfo[]): Map<string, TopicInfo> =>
  new Map(infos.map((info) => [info.topic, info]))
