import { rowKey, rowValue } from '../changelog/keys.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { OutputTopicInfo, TopicInfo } from '../log/contract.js'
import { type Failure, tooLarge } from '../outcome/failure.js'
import { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { OutputWriter } from '../outcome/output-writer.js'
import type { RecordWatch } from '../outcome/record-watch.js'
import { newTotals } from '../outcome/totals.js'
import { type LogRecord, NO_HEADERS } from '../record.js'
import { decoded } from '../serde/serde-result.js'
import { StoredRow } from '../store/stored-row.js'
import type { WriteBatch } from './commit/write-batch.js'
import type { JoinTable } from './join-pipeline.js'

/** Options of {@link RowWriter}. */
export interface RowWriterOptions {
  readonly application: string
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
}

/** Decodes the records of tables, and puts and deletes rows. */
export class RowWriter {
  readonly #options: RowWriterOptions

  constructor(options: RowWriterOptions) {
    this.#options = options
  }

  /**
   * Puts or deletes a row.
   *
   * @param watch can reject a record, before it is decoded and after
   * @returns false if the record is not a row
   * @throws RecordError if the record halts the application; it has had no effect then
   */
  write(table: JoinTable, record: LogRecord, work: WriteBatch, watch: RecordWatch | undefined): boolean {
    const { plan } = table
    if (record.key === null) {
      table.skipped++
      this.#outcomesOf(table, record).drop(work, record, 'null-key')
      return false
    }
    const { key, value } = record
    const row = value === null ? undefined : new StoredRow(value)
    const failure = decodeRow(table, record, row, watch)
    if (failure !== undefined) {
      this.#reject(table, record, failure, work)
      return false
    }
    if (table.inChangelog) {
      const [stateKey, stateValue] = [rowKey(plan.topic, key), value && rowValue(value)]
      const { changelog } = this.#options
      const bytes = batchBytes(stateKey, stateValue, NO_HEADERS)
      if (bytes > changelog.maxMessageBytes) {
        this.#reject(table, record, tooLarge('a row', bytes, changelog), work)
        return false
      }
      work.appendChangelog(stateKey, stateValue)
    }
    work.putRow(plan.topic, { key, value, ...(row && { row }) })
    return true
  }

  /** Dead-letters a table record, or halts. The previous row stays. */
  #reject(table: JoinTable, record: LogRecord, failure: Failure, work: WriteBatch): void {
    this.#outcomesOf(table, record).handleFailure(work, record, failure)
    table.skipped++
  }

  /** Records of tables have no totals: `skipped` counts those that are not rows. */
  #outcomesOf({ plan }: JoinTable, { topic, partition }: LogRecord): OutcomeRecorder {
    const { application, outputs } = this.#options
    const writer = new OutputWriter(application, topic, partition, outputs)
    return new OutcomeRecorder({ plan, input: `table ${topic}`, writer, totals: newTotals() })
  }
}

/** @returns why the record is not a row; `undefined` if it is one */
function decodeRow(
  { plan }: JoinTable,
  record: LogRecord,
  row: StoredRow | undefined,
  watch: RecordWatch | undefined,
): Failure | undefined {
  const rejected = watch?.rejects(record)
  if (rejected !== undefined) return rejected
  let part = 'key'
  let failure: Failure | undefined
  try {
    watch?.starting('the key decoder')
    decoded(plan.key.decode(record.key as Uint8Array))
    part = 'value'
    watch?.starting('the value decoder')
    row?.decode(plan.value)
  } catch (cause) {
    const message = `the ${part} of a record of table ${record.topic} cannot be decoded`
    failure = { reason: 'undecodable', code: 'DECODE_FAILED', message, cause }
  }
  return watch?.finished(record) ?? failure
}
