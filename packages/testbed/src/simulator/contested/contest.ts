import type { NewRecord } from '@joinery/core'
import { brokerTime } from '../brokers/broker-time.js'
import type { Entry, SimPartition } from '../brokers/sim-partition.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { Random } from '../random.js'
import { APPLICATION } from '../scenario/scenario.js'
import { isRefused, throws } from '../scenario/values.js'

/** Higher than the numbers of all other events. */
const NUMBERS = 4_000_000
const MAX_STEPS = 400_000
/** A key that no table has. */
const WITHOUT_ROW = 'contested'
/** How many events fit into a wait buffer of one KiB. */
const MOST_PER_KIB = 10
/** The type byte of its key. */
const OWNER = 0
/** Long enough for a rebalance, and for an instance to open its tasks. */
export const TAKEOVER_MS = 15_000
/** Long enough for a commit. */
export const COMMIT_MS = 15_000

/** A process that owns a task, and what it writes under. */
export interface Owner {
  readonly instance: Instance
  readonly process: NonNullable<Instance['process']>
}

/** A task that several instances take for theirs, and what happens to it. */
export class Contest {
  readonly context: SimContext
  readonly instances: readonly Instance[]
  readonly random: Random
  readonly task: number
  readonly changelog: SimPartition
  #number: number

  constructor(context: SimContext, instances: readonly Instance[], random: Random) {
    const { cluster, scenario } = context
    this.context = context
    this.instances = instances
    this.random = random
    this.task = random.between(0, scenario.partitions - 1)
    this.changelog = cluster.partition(`${APPLICATION}-changelog`, this.task)
    this.#number = NUMBERS + random.between(0, 1_000_000)
  }

  /** @returns the owner of the task; `undefined` if it has ended */
  owner(): Owner | undefined {
    const last = this.changelog.entries.findLast((entry) => isOwner(entry) && entry.visibleAt !== undefined)
    const instance = last && this.instances.find(({ process }) => process && this.isBy(process.name, last))
    return instance?.process?.isAlive ? { instance, process: instance.process } : undefined
  }

  /** Whether a process has written an entry. */
  isBy(process: string, { producer }: Entry): boolean {
    const id = this.context.cluster.transactions.idOf.get(producer ?? -1n)
    return id?.startsWith(`${APPLICATION}-${process}.`) === true
  }

  /** @returns the transactional id that a process uses: the one with the highest number, as it retires the others */
  idOf(process: string): string | undefined {
    const prefix = `${APPLICATION}-${process}.`
    const numbers = this.context.cluster.transactions.ids.flatMap((id) =>
      id.startsWith(prefix) ? [Number(id.slice(prefix.length))] : [],
    )
    return numbers.length === 0 ? undefined : `${prefix}${Math.max(...numbers)}`
  }

  /** @returns the first OWNER of another process in the changelog from an offset on */
  successor({ process }: Owner, from: number): Entry | undefined {
    return this.changelog.entries.find(
      (entry) => entry.offset >= from && isOwner(entry) && !this.isBy(process.name, entry),
    )
  }

  /** @returns the first entry of a process in the changelog whose transaction is open */
  openEntryOf(process: string): Entry | undefined {
    return this.changelog.openEntries.find((entry) => this.isBy(process, entry))
  }

  /** Appends an event to the input of a task. Most have rows, and do not wait. */
  append(task: number = this.task): void {
    const { scenario } = this.context
    this.#append(task, 1, this.random.chance(0.8) ? this.random.pick(scenario.keys) : WITHOUT_ROW)
  }

  /** Appends events that wait for a row. */
  appendWaiting(count: number): void {
    this.#append(this.task, count, WITHOUT_ROW)
  }

  #append(task: number, count: number, name: string): void {
    const { cluster, scenario, eventLoop } = this.context
    const { stream, maxRecords, maxKiB } = this.random.pick(scenario.pipelines)
    // where few events can wait, many would take turns for long
    const length = Math.min(count, maxRecords, maxKiB * MOST_PER_KIB)
    const records = Array.from({ length }, (): NewRecord => {
      while (throws(this.#next()) || isRefused(this.#next())) this.#number++
      const event = this.#next()
      this.#number++
      const value = Buffer.from(JSON.stringify(event))
      return {
        topic: stream,
        partition: task,
        key: Buffer.from(name),
        value,
        timestamp: brokerTime(eventLoop),
        headers: [],
      }
    })
    cluster.append(records)
  }

  #next(): { readonly number: number; readonly pad: string } {
    return { number: this.#number, pad: '' }
  }

  /** Runs until a condition holds, or `ms` have passed. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const { eventLoop } = this.context
    const end = eventLoop.now + ms
    await eventLoop.run(() => holds() || eventLoop.now > end, MAX_STEPS)
    return holds()
  }

  /** The group expels a process, as if its session had expired. */
  expel(process: string): void {
    const { group } = this.context
    const id = group.memberOf(process)
    if (id !== undefined) group.leave(id)
  }

  /** The group expels a process, whose heartbeats a former coordinator of the group still acknowledges. */
  mislead(process: string): void {
    const { group } = this.context
    const id = group.memberOf(process)
    if (id !== undefined) group.mislead(id)
  }
}

export const isOwner = ({ record }: Entry): boolean => record?.key?.[1] === OWNER
