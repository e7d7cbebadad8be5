import { isJoineryError, JoineryError } from '../errors.js'
import type { JoinKeys } from '../keys/join-keys.js'
import { partitionFor } from '../log/murmur2.js'
import type { TablePlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import type { Encoder } from '../serde/serde.js'
import { decoded, encoded } from '../serde/serde-result.js'
import type { TaskStore } from '../task/stores/task-store.js'
import type { Task } from '../task/task.js'
import type { TableView } from './app.js'
import type { TaskManager } from './task-manager.js'

/**
 * How many keys show that murmur2 chooses the partitions. Another partitioner puts that many where murmur2 would once in a million
 * times, with two partitions.
 */
const ENOUGH_KEYS = 20

/** Whether the rows that are known here are where murmur2 puts them. */
type Partitioning = 'murmur2' | 'another' | 'unknown'

interface Found {
  readonly task: Task
  readonly store: TaskStore
}

/** The rows of a table in the tasks of this instance. It throws rather than report an unknown row as missing. */
export class TaskTableView<K, T> implements TableView<K, T> {
  readonly #table: Table<K, T>
  readonly #topic: string
  readonly #taskManager: TaskManager
  readonly #joinKeys: JoinKeys
  readonly #isOver: () => boolean

  constructor(
    table: Table<K, T>,
    { topic }: TablePlan,
    taskManager: TaskManager,
    joinKeys: JoinKeys,
    isOver: () => boolean,
  ) {
    this.#table = table
    this.#topic = topic
    this.#taskManager = taskManager
    this.#joinKeys = joinKeys
    this.#isOver = isOver
  }

  async get(key: K): Promise<T | undefined> {
    const { key: serde, value: decoder } = this.#table.topic
    const encoder = serde as Partial<Encoder<K>>
    if (encoder.encode === undefined)
      throw new JoineryError(
        'OPTION_INVALID',
        `the key serde of ${this.#topic} cannot encode: give the table a topic with a full serde`,
        { topic: this.#topic },
      )
    const bytes = encoded(encoder.encode(key))
    this.#checkAssigned()
    const { partitions, tasks } = this.#taskManager
    const home = partitionFor(bytes, partitions)
    const isHere = this.#taskManager.task(home) !== undefined
    if (isHere) {
      const value = await this.#read(this.#storeOf(home), bytes)
      if (value !== undefined) return decoded(decoder.decode(value))
    }
    // rows may have been written by a producer with another partitioner
    const others = tasks.filter(({ partition }) => partition !== home)
    for (const task of others) {
      const store = task.storeOf(this.#topic)
      const value = store && (await this.#read({ task, store }, bytes))
      if (value !== undefined) return decoded(decoder.decode(value))
    }
    if (!isHere) throw this.#elsewhere(home, 'belongs to another instance')
    const restoring = others.find((task) => task.storeOf(this.#topic) === undefined)
    const hasAll = tasks.length === partitions && restoring === undefined
    if (hasAll) return undefined
    const partitioning = await this.#partitioning()
    if (partitioning === 'murmur2') return undefined
    if (restoring !== undefined) throw this.#restoring(restoring.partition)
    const why =
      partitioning === 'another'
        ? 'the table has keys that murmur2 assigns to other partitions'
        : 'too few of its keys are known here to find out whether murmur2 assigns them to partitions'
    throw this.#elsewhere(home, `has no such row, but ${why}, so another instance may have it`)
  }

  async #read({ task, store }: Found, key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const [value] = await store.getMany([key])
      return value
    } catch (error) {
      throw this.#failed(task, error)
    }
  }

  /** Judges by some rows of each partition of this instance, and by the keys that were sampled when they were read. */
  async #partitioning(): Promise<Partitioning> {
    const sampled = this.#joinKeys.murmur2Keys(this.#topic)
    if (!sampled.isUsed) return 'another'
    const { tasks, partitions } = this.#taskManager
    let checked = 0
    for (const task of tasks) {
      let ofTask = 0
      try {
        for await (const [key] of task.storeOf(this.#topic)?.entries() ?? []) {
          if (partitionFor(key, partitions) !== task.partition) return 'another'
          checked++
          if (++ofTask === ENOUGH_KEYS) break
        }
      } catch (error) {
        throw this.#failed(task, error)
      }
    }
    return Math.max(checked, sampled.count) >= ENOUGH_KEYS ? 'murmur2' : 'unknown'
  }

  async *entries(): AsyncGenerator<readonly [key: K, row: T], void, void> {
    const { key: keys, value: values } = this.#table.topic
    this.#checkAssigned()
    // checked before the first row is returned: a caller should get either all rows or an error
    const partitions = this.#taskManager.tasks.map(({ partition }) => this.#storeOf(partition).task.partition)
    for (const partition of partitions) {
      const { task, store } = this.#storeOf(partition)
      try {
        for await (const [key, value] of store.entries())
          yield [decoded(keys.decode(key)), decoded(values.decode(value))] as const
      } catch (error) {
        throw this.#failed(task, error)
      }
    }
  }

  #checkAssigned(): void {
    if (this.#isOver())
      throw new JoineryError('APP_CLOSED', `the application has ended: query another instance for ${this.#topic}`)
    if (!this.#taskManager.isAssigned)
      throw new JoineryError('STORE_RESTORING', 'the group has not assigned partitions yet', {
        topic: this.#topic,
        retriable: true,
      })
  }

  #storeOf(partition: number): Found {
    const task = this.#taskManager.task(partition)
    if (task === undefined) throw this.#elsewhere(partition, 'belongs to another instance')
    const store = task.storeOf(this.#topic)
    if (store === undefined) throw this.#restoring(partition)
    return { task, store }
  }

  #elsewhere(partition: number, why: string): JoineryError {
    const topic = this.#topic
    return new JoineryError('KEY_ELSEWHERE', `partition ${partition} of ${topic} ${why}`, { topic, partition })
  }

  #restoring(partition: number, cause?: unknown): JoineryError {
    return new JoineryError('STORE_RESTORING', `partition ${partition} of ${this.#topic} is being restored`, {
      topic: this.#topic,
      partition,
      retriable: true,
      cause,
    })
  }

  /** Returns the error for the caller, and notifies the task, which reopens a store that is fenced or behind. */
  #failed(task: Task, error: unknown): unknown {
    task.queryFailed(error)
    // the task has reopened its stores in the meantime, and closed this one
    return isJoineryError(error, 'STORE_CLOSED') ? this.#restoring(task.partition, error) : error
  }
}
