import type { RawBatch, RawRecord } from '../wire/record-batches.js'

/** A record that consumers of committed records can read. */
export interface CommittedRecord extends RawRecord {
  readonly topic: string
  readonly partition: number
  /** Its transaction, as `producer/epoch`; `undefined` outside of transactions. */
  readonly transaction: string | undefined
}

/** @returns the committed records of one partition, and in `open` the transactions that are neither committed nor aborted */
export function committedRecords(
  topic: string,
  partition: number,
  batches: readonly RawBatch[],
): { readonly records: readonly CommittedRecord[]; readonly open: readonly string[] } {
  const records: CommittedRecord[] = []
  const open = new Map<number, RawBatch[]>()
  const add = (batch: RawBatch, transaction: string | undefined) => {
    for (const record of batch.records) records.push({ ...record, topic, partition, transaction })
  }
  for (const batch of batches) {
    const { producerId } = batch
    if (!batch.isTransactional) add(batch, undefined)
    else if (batch.marker === undefined) open.set(producerId, [...(open.get(producerId) ?? []), batch])
    else {
      if (batch.marker === 'commit') for (const each of open.get(producerId) ?? []) add(each, transactionOf(each))
      open.delete(producerId)
    }
  }
  records.sort((a, b) => a.offset - b.offset)
  return { records, open: [...open.values()].flatMap(([first]) => (first === undefined ? [] : [transactionOf(first)])) }
}

const transactionOf = ({ producerId, epoch }: RawBatch): string => `${producerId}/${epoch}`
