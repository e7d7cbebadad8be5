import { isJoineryError, JoineryError } from '../errors.js'
import { partitionFor } from '../log/murmur2.js'
import type { TablePlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import type { Encoder } from '../serde/serde.js'
import { decoded, encoded } from '../serde/serde-result.js'
import type { TaskStore } from '../task/stores/task-store.js'
import type { Task } from '../task/task.js'
import type { TableView } from './app.js'
import type { TaskManager } from './task-manager.js'

/** How many rows of a partition are checked. Another partitioner puts all of them there once in a million times, with two partitions. */
const CHECKED_ROWS = 20

interface Found {
  readonly task: Task
  readonly store: TaskStore
}

/** The rows of a table in the tasks of this instance. It throws rather than report an unknown row as missing. */
export class TaskTableView<K, T> implements TableView<K, T> {
  readonly #table: Table<K, T>
  readonly #topic: string
  readonly #taskManager: TaskManager
  readonly #isOver: () => boolean

  constructor(table: Table<K, T>, { topic }: TablePlan, taskManager: TaskManager, isOver: () => boolean) {
    this.#table = table
    this.#topic = topic
    this.#taskManager = taskManager
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
    if (hasAll || !(await this.#hasForeignRows(home))) return undefined
    if (restoring !== undefined) throw this.#restoring(restoring.partition)
    throw this.#elsewhere(
      home,
      'has no such row, but rows whose keys murmur2 assigns to other partitions, so another instance may have it',
    )
  }

  async #read({ task, store }: Found, key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const [value] = await store.getMany([key])
      return value
    } catch (error) {
      throw this.#failed(task, error)
    }
  }

  /** Whether a partition has rows that our partitioner would not have put there: a few show it. */
  async #hasForeignRows(partition: number): Promise<boolean> {
    const { task, store } = this.#storeOf(partition)
    let checked = 0
    try {
      for await (const [key] of store.entries()) {
        if (partitionFor(key, this.#taskManager.partitions) !== partition) return true
        if (++checked === CHECKED_ROWS) break
      }
    } catch (error) {
      throw this.#failed(task, error)
    }
    return false
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
