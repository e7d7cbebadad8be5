import { failpoint } from '@joinery/failpoint'
import type { Claimant } from '../changelog/call-record.js'
import type { Clock } from '../clock.js'
import type { JoinKeys } from '../keys/join-keys.js'
import type { GroupMember, Log, Membership } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import { BlockedRecords } from '../task/blocked/blocked-records.js'
import { Task } from '../task/task.js'
import { newTaskMemory } from '../task/task-memory.js'
import type { SharedTaskOptions, TaskListener } from '../task/task-options.js'
import type { StalledTask } from './app.js'
import type { AppEvent } from './app-event.js'
import { CallDispatchers } from './calls/call-dispatchers.js'
import { type ApplicationTopics, describeTopics } from './input-topics.js'
import { StallMonitor } from './stall-monitor.js'
import { TopicWatcher } from './topic-watcher.js'
import { checkNothingWaits, tasksWithNothingWaiting } from './unfinished-work.js'

/** How long the group may make no assignment before that is reported as a problem. */
const SLOW_ASSIGNMENT_MS = 5_000

/** Options of {@link TaskManager}. */
export interface TaskManagerOptions extends SharedTaskOptions {
  readonly application: string
  readonly plan: ApplicationPlan
  readonly log: Log<never>
  readonly joinKeys: JoinKeys
  readonly clock: Clock
  readonly claimant: Claimant
  readonly newToken: () => string
  /** The group's session timeout, in milliseconds. */
  readonly sessionTimeoutMs: number
  /** How long a task with work may make no progress before it counts as stalled, in milliseconds. */
  readonly stalledAfterMs: number
  readonly emit: (event: AppEvent) => void
  readonly failed: (error: Error) => void
  /** Called when the assignment or the phase of a task has changed. */
  readonly changed: () => void
  /** Called after each periodic check of the tasks. */
  readonly checked: () => void
}

/** Runs the tasks that the group assigns. */
export class TaskManager implements GroupMember {
  readonly #options: TaskManagerOptions
  readonly #tasks = new Map<number, Task>()
  /** Tasks that are ending. A new task of the same partition waits for them. */
  readonly #ending = new Map<number, Promise<void>>()
  readonly #callDispatchers: CallDispatchers
  readonly #monitor: StallMonitor
  readonly #blocked: BlockedRecords
  #topics: ApplicationTopics | undefined
  #watcher: TopicWatcher | undefined
  /** A promise, because the first assignment may arrive before `join` resolves. */
  #membership: Promise<Membership> | undefined
  #assignmentVersion = 0
  #isAssigned = false
  /** Since when there has been no assignment, in monotonic milliseconds. */
  #unassignedSince: number | undefined
  #isClosing = false
  readonly #isStale = (version: number): boolean => version !== this.#assignmentVersion || this.#isClosing

  constructor(options: TaskManagerOptions) {
    this.#options = options
    const { clock, emit, log, sessionTimeoutMs, stalledAfterMs: afterMs, checked } = options
    this.#blocked = new BlockedRecords(clock, sessionTimeoutMs, (blocked) => emit({ type: 'blocked', ...blocked }))
    this.#callDispatchers = new CallDispatchers({ ...options, blocked: this.#blocked })
    this.#monitor = new StallMonitor({ clock, source: log.source, tasks: () => this.tasks, afterMs, emit, checked })
  }

  /** Whether the group has assigned tasks, possibly none. */
  get isAssigned(): boolean {
    return this.#isAssigned
  }

  get tasks(): readonly Task[] {
    return [...this.#tasks.values()]
  }

  get partitions(): number {
    return this.#topics?.inputs.values().next().value?.partitions ?? 0
  }

  /** Current problems, as text. */
  get problems(): readonly string[] {
    const own = [this.#watcher?.problem, this.#assignmentProblem(), this.#blocked.problem].filter(
      (problem) => problem !== undefined,
    )
    const { sessionTimeoutMs, stalledAfterMs } = this.#options
    const atMostMs = Math.min(sessionTimeoutMs, stalledAfterMs)
    return [...(this.#topics?.problems ?? []), ...own, ...this.tasks.flatMap(({ health }) => health.problems(atMostMs))]
  }

  /** The tasks that make no progress although there is work. */
  get stalled(): readonly StalledTask[] {
    return this.#isClosing ? [] : this.#monitor.stalled
  }

  /** Whether all tasks are running. Interruptions shorter than the group's session timeout do not count. */
  get areTasksRunning(): boolean {
    return this.#isAssigned && this.tasks.every(({ health }) => health.isRunning(this.#options.sessionTimeoutMs))
  }

  #assignmentProblem(): string | undefined {
    if (this.#unassignedSince === undefined || this.#isClosing) return undefined
    const waitedMs = this.#options.clock.monotonic() - this.#unassignedSince
    if (waitedMs < SLOW_ASSIGNMENT_MS) return undefined
    return `no tasks are running: group ${this.#options.application} has made no assignment for ${Math.round(waitedMs / 1_000)} s`
  }

  task(partition: number): Task | undefined {
    return this.#tasks.get(partition)
  }

  /** Checks the topics, creates the changelog, and joins the group. */
  async start(): Promise<void> {
    const { application, plan, log } = this.#options
    this.#topics = await describeTopics(this.#options)
    this.#watcher = new TopicWatcher(this.#topics, { ...this.#options, changed: this.#useTopics.bind(this) })
    if (plan.guarantee === 'at-least-once') await checkNothingWaits(application, log.source)
    this.#unassignedSince = this.#options.clock.monotonic()
    this.#membership = log.group.join(application, plan.inputs, this)
    const membership = await this.#membership
    if (this.#isClosing) return membership.leave()
    this.#watcher.start()
    this.#monitor.start()
  }

  assigned(partitions: readonly number[]): void {
    this.#options.emit({ type: 'assigned', tasks: partitions })
    this.#assign(partitions, ++this.#assignmentVersion).catch((error: unknown) => this.failed(error as Error))
  }

  /** Uses changed settings of topics. */
  #useTopics(topics: ApplicationTopics, mustRestart: boolean): void {
    this.#topics = topics
    const partitions = this.ownedTasks()
    if (!mustRestart || partitions.length === 0) return
    for (const partition of partitions) this.#closeLost(partition)
    this.#assign(partitions, this.#assignmentVersion).catch((error: unknown) => this.failed(error as Error))
  }

  async #assign(partitions: readonly number[], version: number): Promise<void> {
    const wanted = new Set(partitions)
    for (const partition of [...this.#tasks.keys()]) if (!wanted.has(partition)) this.#closeLost(partition)
    await Promise.all(partitions.map((partition) => this.#resume(partition, version)))
    if (this.#isStale(version)) return
    this.#isAssigned = true
    this.#unassignedSince = undefined
    this.#options.changed()
  }

  async #resume(partition: number, version: number): Promise<void> {
    await this.#ending.get(partition)
    if (this.#isStale(version)) return
    const task = this.#tasks.get(partition)
    if (task === undefined) this.#start(partition)
    else task.resume()
  }

  async revoked(partitions: readonly number[]): Promise<void> {
    this.#assignmentVersion++
    if (partitions.length > 0) this.#options.emit({ type: 'revoked', tasks: partitions })
    failpoint('revoke.begun')
    await Promise.all(partitions.map((partition) => this.#tasks.get(partition)?.pause()))
    failpoint('revoke.flushed')
  }

  lost(): void {
    this.#assignmentVersion++
    this.#isAssigned = false
    this.#unassignedSince = this.#options.clock.monotonic()
    this.#options.emit({ type: 'lost' })
    failpoint('lost.notified')
    for (const partition of [...this.#tasks.keys()]) this.#closeLost(partition)
  }

  ownedTasks(): readonly number[] {
    return [...this.#tasks.keys()]
  }

  failed(error: Error): void {
    this.#options.failed(error)
  }

  /** Closes all tasks, then leaves the group. `'close'` commits first; `'closeDirty'` and `'crash'` do not. */
  async close(how: 'close' | 'closeDirty' | 'crash'): Promise<void> {
    this.#isClosing = true
    this.#assignmentVersion++
    this.#watcher?.stop()
    this.#monitor.stop()
    // closed tasks stay in the map, because their totals can still be requested
    await Promise.all([
      ...this.tasks.map((task) => (how === 'close' ? task.close() : task.closeDirty(how === 'crash' ? how : 'lost'))),
      ...this.#ending.values(),
    ])
    failpoint('close.flushed')
    const membership = await this.#membership?.catch(() => undefined) // the caller of start has received the error
    await membership?.leave()
    // reports of calls whose tasks have moved to other instances, or could not be reopened: their owners wait for them
    if (how === 'close') await this.#callDispatchers.allReported()
  }

  #start(partition: number): void {
    const { emit, changed, counts, log, plan, joinKeys } = this.#options
    const topics = this.#topics as ApplicationTopics
    const listener: TaskListener = {
      outcomes: (outcomes) => outcomes.forEach(emit),
      restored: (task, rows, tookMs) => {
        emit({ type: 'restored', task, rows, tookMs })
        changed()
      },
      running: changed,
      recovered: changed,
      reopening: (task, reason) => emit({ type: 'reopening', task, reason }),
      retrying: (error, inMs) => emit({ type: 'retrying', error, inMs }),
      halted: (error) => void this.#watcher?.explain(error).then((why) => this.failed(why)),
    }
    const task = new Task({
      ...this.#options,
      ...topics,
      ...newTaskMemory(),
      partition,
      listener,
      blocked: this.#blocked,
      rowsLost: (table, rows) => {
        counts.lostRows += rows
        emit({ type: 'rows-lost', table, task: partition, rows })
      },
      rebuilding: (of) => emit({ type: 'rebuilding', ...of }),
      tableChanged: emit,
      source: joinKeys.sampled(log.source, topics.inputs),
      sink: log.sink,
      tasks: tasksWithNothingWaiting(plan.guarantee, log),
      callDispatchers: this.#callDispatchers.of(partition),
      report: (pipeline, report) => this.#callDispatchers.report(partition, pipeline, report),
      verifyMembership: async () => (await this.#membership)?.verify() ?? 'rebalancing',
    })
    this.#tasks.set(partition, task)
  }

  #closeLost(partition: number): void {
    const ended = this.#tasks.get(partition)?.closeDirty()
    this.#tasks.delete(partition)
    if (ended === undefined) return
    const removed = ended.then(() => void this.#ending.delete(partition))
    this.#ending.set(partition, removed)
  }
}
