import type { EventLoop } from '../event-loop.js'
import { APPLICATION } from '../scenario/scenario.js'
import type { SimPartition } from './sim-partition.js'
import type { Transactions } from './transactions.js'

const LAW = 'a stale member ends no transaction of another instance'

/** The brokers at which requests arrive. */
interface Brokers {
  readonly eventLoop: EventLoop
  readonly transactions: Transactions
  violates(law: string, text: string): void
}

/**
 * Finds instances that the group has expelled, that do not know it, and that end the transaction of a living one: each of them
 * would do it again and again. Between seeing a transaction and ending it, an instance has to verify its membership.
 */
export class StaleFencing {
  readonly #brokers: Brokers
  /** When each process has first seen the records of an open transaction. */
  readonly #seenAt = new Map<string, number>()
  /** When a heartbeat of a process would have been acknowledged last. */
  lastMemberAt: (process: string) => number = () => Number.POSITIVE_INFINITY

  constructor(brokers: Brokers) {
    this.#brokers = brokers
  }

  /** A process reads the open transactions of a partition from an offset on. */
  seen(process: string, partition: SimPartition, offset: number): void {
    for (const { transaction, offset: first } of partition.openEntries) {
      const key = `${process}/${transaction}`
      if (first >= offset && !this.#seenAt.has(key)) this.#seenAt.set(key, this.#brokers.eventLoop.now)
    }
  }

  /** A process sends InitProducerId. */
  fences(process: string, id: string): void {
    const transaction = this.#brokers.transactions.openTransactionOf(id)
    if (transaction === undefined || id.startsWith(`${APPLICATION}-${process}.`)) return
    const seenAt = this.#seenAt.get(`${process}/${transaction}`) ?? Number.NEGATIVE_INFINITY
    if (this.lastMemberAt(process) >= seenAt) return
    this.#brokers.violates(LAW, `${process} has seen the transaction of ${id} and ended it, and was no member since`)
  }
}
