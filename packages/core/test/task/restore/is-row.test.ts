import { describe, expect, it } from 'vitest'
import { json, table, text, topic } from '../../../src/index.js'
import type { TablePlan } from '../../../src/pipeline/plan.js'
import { BlockedRecords } from '../../../src/task/blocked/blocked-records.js'
import { isRowOf } from '../../../src/task/restore/is-row.js'
import { blockingClock } from '../blocked/blocking-clock.js'

const SESSION_MS = 10_000

function tablePlan(decode: (bytes: Uint8Array) => unknown): TablePlan {
  const rows = topic('rows', { key: text(), value: { ...json<unknown>(), decode } })
  const { key, value } = rows
  return {
    topic: 'rows',
    key,
    value,
    order: 'table-first',
    onError: 'halt',
    maxBytes: undefined,
    source: table(rows) as TablePlan['source'],
  }
}

const recordOf = (offset: number, value: string | null) => ({
  ...{ topic: 'rows', partition: 0, offset, timestamp: 0, headers: [] },
  key: Buffer.from('k'),
  value: value === null ? null : Buffer.from(value),
})

describe('whether a record of a table is a row', () => {
  it('is so if it can be decoded, or is a tombstone', () => {
    const isRow = isRowOf(tablePlan(json<unknown>().decode), undefined)
    expect([isRow(recordOf(0, '{}')), isRow(recordOf(1, '{')), isRow(recordOf(2, null))]).toEqual([true, false, true])
  })

  it('is not so once decoding it has blocked the process twice, and it is not decoded again', () => {
    const { clock, block } = blockingClock()
    let decoded = 0
    const slow = (bytes: Uint8Array) => {
      const value = json<number>().decode(bytes)
      decoded++
      if (value === 1) block(SESSION_MS)
      return value
    }
    const isRow = isRowOf(tablePlan(slow), new BlockedRecords(clock, SESSION_MS, () => {}))
    const restore = () => [isRow(recordOf(0, '0')), isRow(recordOf(1, '1')), isRow(recordOf(2, '2'))]
    expect([restore(), restore(), restore()]).toEqual([
      [true, true, true],
      [true, false, true],
      [true, false, true],
    ])
    expect(decoded).toBe(8)
  })
})
