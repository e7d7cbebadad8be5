import { isJoineryError, JoineryError } from '../errors.js'
import { partitionFor } from '../log/murmur2.js'
import type { TablePlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import type { Encoder } from '../serde/serde.js'
import type { TaskStore } from '../task/stores/task-store.js'
import type { Task } from '../task/task.js'
import type { TableView } from './app.js'
import type { TaskManager } from './task-manager.js'

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
    const bytes = encoder.encode(key)
    this.#checkAssigned()
    const { task, store } = this.#storeOf(partitionFor(bytes, this.#taskManager.partitions))
    try {
      const [value] = await store.getMany([bytes])
      return value === undefined ? undefined : decoder.decode(value)
    } catch (error) {
      throw this.#failed(task, error)
    }
  }

  async *entries(): AsyncGenerator<readonly [key: K, row: T], void, void> {
    const { key: keys, value: values } = this.#table.topic
    this.#checkAssigned()
    // checked before the first row is returned: a caller should get either all rows or an error
    const partitions = this.#taskManager.tasks.map(({ partition }) => this.#storeOf(partition).task.partition)
    for (const partition of partitions) {
      const { task, store } = this.#storeOf(partition)
      try {
        for await (const [key, value] of store.entries()) yield [keys.decode(key), values.decode(value)] as const
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
    const topic = this.#topic
    const task = this.#taskManager.task(partition)
    if (task === undefined)
      throw new JoineryError('KEY_ELSEWHERE', `partition ${partition} of ${topic} belongs to another instance`, {
        topic,
        partition,
      })
    const store = task.storeOf(topic)
    if (store === undefined) throw this.#restoring(partition)
    return { task, store }
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
