import type { NewRecord } from '@joinery/core'
import { type ChangelogRecord, ownerRecord } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../../src/writer/buffer-pool.js'
import type { ChangelogOwnership } from '../../../src/writer/group-commit/changelog-ownership.js'
import { TransactionBatches } from '../../../src/writer/group-commit/transaction-batches.js'
import type { TransactionPart } from '../../../src/writer/group-commit/transaction-part.js'
import type { OutgoingBatch } from '../../../src/writer/outgoing-batch.js'
import { OutputTopics } from '../../../src/writer/output-topics.js'
import { decodeAll } from '../../protocol/record-batch/decode.js'
import { ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'

const ID = 'app-one.7'
const TIMESTAMP = 1_700_000_000_000
const MAX_BYTES = 1_000
const PRODUCER = { producerId: 1n, epoch: 0, baseSequence: 0, isTransactional: true }

interface Work {
  readonly outputs?: readonly (readonly [partition: number, value: string])[]
  readonly changelog?: (transactionalId: string) => readonly ChangelogRecord[]
}

const change = (value: string): ChangelogRecord => ({ key: Buffer.from('key'), value: Buffer.from(value) })

function part(task: number, { outputs = [], changelog = () => [change(`of ${task}`)] }: Work = {}): TransactionPart {
  const records = outputs.map(
    ([partition, value]): NewRecord => ({
      topic: 'out',
      partition,
      key: Buffer.from(`task ${task}`),
      value: Buffer.from(value),
      timestamp: 1_000 * (10 - task),
      headers: [['task', Buffer.from([task])]],
    }),
  )
  return {
    changelog: { topic: 'app-changelog', partition: task },
    ownership: {} as ChangelogOwnership,
    outputs: toBatches(records, new Map([['out', 3]]), new Map([['out', MAX_BYTES]])),
    bytes: 0,
    changelogRecords: changelog,
    isSuperseded: () => false,
  }
}

function batching(parts: readonly TransactionPart[]) {
  const topics = new OutputTopics(new ScriptedKafka({}).cluster)
  topics.add({ topic: 'out', partitions: 3, maxMessageBytes: MAX_BYTES })
  topics.add({ topic: 'app-changelog', partitions: 9, maxMessageBytes: MAX_BYTES })
  const pool = new BufferPool()
  return { pool, batches: new TransactionBatches(parts, { transactionalId: ID, topics, pool, timestamp: TIMESTAMP }) }
}
const at = ({ all }: TransactionBatches, place: string): OutgoingBatch[] =>
  all.filter(({ topic, partition }) => `${topic}/${partition}` === place)
const recordsOf = ({ builder }: OutgoingBatch) => decodeAll(builder.close(PRODUCER))
const valuesOf = (batch: OutgoingBatch) => recordsOf(batch).map(({ value }) => String(value))

describe('the batches of a transaction', () => {
  it('are one for each output partition, with the records of all parts in their order', () => {
    const parts = [
      part(0, {
        outputs: [
          [0, 'a'],
          [1, 'b'],
          [0, 'c'],
        ],
      }),
      part(1, { outputs: [[0, 'd']] }),
      part(2, { outputs: [[0, 'e']] }),
    ]
    const { batches } = batching(parts)
    expect(at(batches, 'out/0').map(valuesOf)).toEqual([['a', 'c', 'd', 'e']])
    expect(at(batches, 'out/1').map(valuesOf)).toEqual([['b']])
    expect(at(batches, 'out/2')).toEqual([])
  })

  it('keep keys, headers and timestamps of the records', () => {
    const { batches } = batching([part(0, { outputs: [[0, 'a']] }), part(1, { outputs: [[0, 'b']] })])
    expect(at(batches, 'out/0').flatMap(recordsOf)).toMatchObject([
      { key: Buffer.from('task 0'), timestamp: 10_000, headers: [['task', Buffer.from([0])]] },
      { key: Buffer.from('task 1'), timestamp: 9_000, headers: [['task', Buffer.from([1])]] },
    ])
  })

  it('name the parts whose records they have', () => {
    const parts = [part(0, { outputs: [[0, 'a']] }), part(1, { outputs: [[0, 'b']] }), part(2, { outputs: [[1, 'c']] })]
    const { batches } = batching(parts)
    const [one, two, three] = parts
    const partsAt = (place: string) => at(batches, place).map((batch) => batches.partsOf(batch))
    expect(partsAt('out/0')).toEqual([[one, two]])
    expect(partsAt('out/1')).toEqual([[three]])
    expect(['app-changelog/0', 'app-changelog/1', 'app-changelog/2'].map(partsAt)).toEqual([
      [[one]],
      [[two]],
      [[three]],
    ])
    expect(parts.map((each) => batches.changelogOf(each))).toEqual(
      [0, 1, 2].map((task) => at(batches, `app-changelog/${task}`)),
    )
  })

  it('fit into what their topic allows: what does not fit goes into the next one, in order', () => {
    const values = Array.from({ length: 12 }, (_, i) => String(i).padStart(200, '.'))
    const { batches } = batching(
      values.map((value, task) => part(task, { outputs: [[0, value]], changelog: () => [] })),
    )
    const found = at(batches, 'out/0')
    expect(found.length).toBeLessThanOrEqual(5) // with about 260 bytes for each record, three fit into a batch
    expect(found.flatMap(valuesOf)).toEqual(values)
    for (const { builder } of found) expect(builder.close(PRODUCER).length).toBeLessThanOrEqual(MAX_BYTES)
  })

  it('contain the records of a part once, if that has several batches for a partition', () => {
    const values = Array.from({ length: 7 }, (_, i) => String(i).padStart(250, '.'))
    const outputs = values.map((value) => [0, value] as const)
    const { batches } = batching([part(0, { outputs }), part(1, { outputs: [[0, 'last']] })])
    expect(at(batches, 'out/0').flatMap(valuesOf)).toEqual([...values, 'last'])
  })

  it('leave the batches of the parts as they are, so that one can be written again without the others', () => {
    const parts = [part(0, { outputs: [[0, 'a']] }), part(1, { outputs: [[0, 'b']] }), part(2, { outputs: [[0, 'c']] })]
    batching(parts)
    const [, second, third] = parts as [TransactionPart, TransactionPart, TransactionPart]
    const { batches } = batching([second, third])
    expect(at(batches, 'out/0').map(valuesOf)).toEqual([['b', 'c']])
    expect(parts.map(({ outputs }) => outputs.map(valuesOf))).toEqual([[['a']], [['b']], [['c']]])
  })

  it('are as many bytes as they have without compression', () => {
    const { batches } = batching([part(0, { outputs: [[0, 'a']] }), part(1, { outputs: [[0, 'b']] })])
    const bytes = batches.all.map(({ builder }) => builder.close(PRODUCER).length)
    expect(batches.bytes).toBe(bytes.reduce((sum, each) => sum + each, 0))
  })
})

describe('the records of a changelog', () => {
  it('name the transactional id in a header of the first one of the transaction, and only there', () => {
    const changelog = () => Array.from({ length: 12 }, (_, i) => change(String(i).padStart(200, '.')))
    const { batches } = batching([part(0, { changelog }), part(1)])
    expect(at(batches, 'app-changelog/0').length).toBeGreaterThan(1)
    const header = [['joinery-transactional-id', Buffer.from(ID)]]
    for (const place of ['app-changelog/0', 'app-changelog/1']) {
      const [first, ...rest] = at(batches, place).flatMap(recordsOf)
      expect(first?.headers).toEqual(header)
      expect(rest.filter(({ headers }) => headers.length > 0)).toEqual([])
    }
  })

  it('have the time of the transaction, and are those of the part', () => {
    const changelog = () => [change('x'), { key: Buffer.from('waiter'), value: null }]
    const { batches } = batching([part(3, { changelog })])
    expect(at(batches, 'app-changelog/3').flatMap(recordsOf)).toMatchObject([
      { key: Buffer.from('key'), value: Buffer.from('x'), timestamp: TIMESTAMP },
      { key: Buffer.from('waiter'), value: null, timestamp: TIMESTAMP },
    ])
  })

  it('are made for the transactional id: OWNER names the one that writes it', () => {
    const session = Buffer.alloc(16, 7)
    const changelog = (transactionalId: string) => [ownerRecord({ session, transactionalId })]
    const { batches } = batching([part(0, { changelog })])
    const [owner] = at(batches, 'app-changelog/0').flatMap(recordsOf)
    expect(owner?.value).toEqual(Buffer.concat([Buffer.from([2]), session, Buffer.from(ID)]))
  })
})

describe('buffers', () => {
  it('of shared batches and changelogs are returned to the pool, those of the parts are not', () => {
    const parts = [part(0, { outputs: [[0, 'a']] }), part(1, { outputs: [[0, 'b']] }), part(2, { outputs: [[1, 'c']] })]
    const { pool, batches } = batching(parts)
    const own = parts.flatMap(({ outputs }) => outputs.map(({ builder }) => builder.buffer))
    const written = batches.all.map(({ builder }) => builder.buffer)
    expect(written.filter((buffer) => own.includes(buffer))).toHaveLength(1) // the one of out/1 is not shared
    batches.release()
    const free = Array.from({ length: 4 }, () => pool.acquire())
    expect(new Set(free)).toEqual(new Set(written.filter((buffer) => !own.includes(buffer))))
  })
})
