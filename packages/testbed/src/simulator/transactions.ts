import type { NewRecord } from '@joinery/core/log'
import type { SimPartition } from './sim-partition.js'
import { brokerTime } from './sim-process.js'
import type { World } from './world.js'

/** A later epoch of this writer exists. */
export class Fenced extends Error {}

const TIMEOUT_MS = 30_000

interface Writer {
  epoch: number
  /** Partitions of the open transaction; `undefined` when none is open. */
  open: Set<SimPartition> | undefined
  opened: number
  /** Markers of the last transaction that are still to be written. */
  ending: Promise<void>
}

/** The coordinator: epochs that fence, decisions first and markers later, each partition at its time (KIP-890 part 2). */
export class Transactions {
  readonly #world: World
  readonly #writers = new Map<string, Writer>()
  /** How often markers take long. */
  slowMarkers = 0

  constructor(world: World) {
    this.#world = world
  }

  /** InitProducerId: aborts what is open, waits for its markers, and fences every earlier epoch. */
  async init(id: string): Promise<number> {
    const writer = this.#writers.get(id) ?? { epoch: -1, open: undefined, opened: 0, ending: Promise.resolve() }
    this.#writers.set(id, writer)
    const epoch = ++writer.epoch
    if (writer.open !== undefined) this.#end(id, writer, false)
    await writer.ending
    if (writer.epoch !== epoch) throw new Fenced()
    return epoch
  }

  /**
   * Appends to one partition within the transaction.
   *
   * @throws Fenced
   */
  async produce(id: string, epoch: number, partition: SimPartition, records: readonly NewRecord[]): Promise<number> {
    const writer = this.#current(id, epoch)
    await writer.ending
    this.#current(id, epoch)
    if (writer.open === undefined) {
      writer.open = new Set()
      writer.opened = this.#world.now
      this.#expire(id, writer, epoch)
    }
    writer.open.add(partition)
    const last = partition.append(records, this.#world.now, brokerTime(this.#world), id, epoch)
    if (last === undefined) throw new Fenced()
    return last
  }

  /**
   * EndTxn: the decision stands when this returns; what was written can be read when the markers are.
   *
   * @returns the epoch of the next transaction
   * @throws Fenced
   */
  end(id: string, epoch: number, isCommit: boolean): number {
    const writer = this.#current(id, epoch)
    this.#end(id, writer, isCommit)
    return ++writer.epoch
  }

  #current(id: string, epoch: number): Writer {
    const writer = this.#writers.get(id)
    if (writer === undefined || writer.epoch !== epoch) throw new Fenced()
    return writer
  }

  #end(id: string, writer: Writer, isCommit: boolean): void {
    const partitions = [...(writer.open ?? [])]
    const { epoch } = writer
    writer.open = undefined
    const { random } = this.#world
    const delay = random.chance(this.slowMarkers) ? random.between(50, 3_000) : 2
    writer.ending = Promise.all(
      partitions.map(async (partition) => {
        const label = `${isCommit ? 'commit' : 'abort'} marker of ${id} in ${partition.topic}[${partition.partition}]`
        await this.#world.sleep(random.next() * delay, label)
        partition.mark(id, epoch, isCommit, this.#world.now)
      }),
    ).then(() => undefined)
  }

  #expire(id: string, writer: Writer, epoch: number): void {
    const { opened } = writer
    this.#world.after(TIMEOUT_MS, `transaction of ${id} times out`, () => {
      if (writer.open === undefined || writer.opened !== opened || writer.epoch !== epoch) return
      writer.epoch++
      this.#end(id, writer, false)
    })
  }
}
