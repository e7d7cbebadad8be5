import { recordsRefused } from '@joinery/core/log'
import { CODE, isFenced } from '../../protocol/error-codes.js'
import { ProtocolError } from '../../protocol/protocol-error.js'
import type { OutgoingBatch } from '../outgoing-batch.js'
import { isRetriable } from '../producer.js'
import { BatchRefused, type RefusedInBatch, refusedRecords } from '../refused-records.js'
import { isPreviousIncomplete } from '../transactional-producer.js'
import type { TransactionBatches } from './transaction-batches.js'
import type { PartResult, TransactionPart } from './transaction-part.js'

/** The result of a part that is at fault. */
export type PartFailure = Exclude<PartResult, { outcome: 'committed' }>

/** Why a transaction is aborted. */
export class TransactionFailure {
  /** The first error. */
  readonly cause: unknown
  readonly #byPart = new Map<TransactionPart, PartFailure>()

  constructor(cause: unknown) {
    this.cause = cause
  }

  /** Whether any part is at fault. */
  get hasParts(): boolean {
    return this.#byPart.size > 0
  }

  /** @returns the failure of a part that is at fault; the others are submitted again */
  of(part: TransactionPart): PartFailure | undefined {
    return this.#byPart.get(part)
  }

  add(part: TransactionPart, outcome: PartFailure['outcome'], cause: unknown): void {
    this.#byPart.set(part, { outcome, cause })
  }

  /**
   * Adds the parts of batches that were not written.
   *
   * @param isRefused whether brokers refuse a batch, which must not be committed
   */
  async addUnwritten(
    failures: ReadonlyMap<OutgoingBatch, unknown>,
    batches: TransactionBatches,
    isRefused: (batch: OutgoingBatch) => Promise<boolean>,
  ): Promise<void> {
    for (const [batch, cause] of failures) {
      if (isAboutTransaction(cause)) continue
      if (!(cause instanceof BatchRefused) || batches.isChangelog(batch)) this.#addAll(batches.partsOf(batch), cause)
      else if (cause.batch === batch) await this.#addRefused(cause, batches, isRefused)
    }
  }

  #addAll(parts: readonly TransactionPart[], cause: unknown): void {
    for (const part of parts) this.add(part, 'rejected', cause)
  }

  async #addRefused(
    error: BatchRefused,
    batches: TransactionBatches,
    isRefused: (batch: OutgoingBatch) => Promise<boolean>,
  ): Promise<void> {
    const { batch } = error
    const byPart = new Map<TransactionPart, RefusedInBatch[]>()
    try {
      for (const record of await refusedRecords(error, isRefused)) {
        const part = batches.partAt(batch, record.index) as TransactionPart
        byPart.set(part, [...(byPart.get(part) ?? []), record])
      }
    } catch (cause) {
      this.#addAll(batches.partsOf(batch), cause)
    }
    for (const [part, records] of byPart) this.add(part, 'rejected', recordsRefused(records, error))
  }
}

/** Whether a batch was not acknowledged in time, whatever its records are. */
export const isFaultOfPartition = (cause: unknown): boolean => !isAboutTransaction(cause) && isRetriable(cause)

/** Whether an error is about the transaction as a whole, regardless of the batch for which it was returned. */
function isAboutTransaction(cause: unknown): boolean {
  if (!(cause instanceof ProtocolError)) return false
  return isFenced(cause.code) || cause.code === CODE.TRANSACTION_ABORTABLE || isPreviousIncomplete(cause)
}
