import type { NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import type { OutgoingBatch } from '../../src/writer/outgoing-batch.js'
import {
  isPreviousIncomplete,
  TransactionalProducer,
  TransactionNotBegun,
} from '../../src/writer/transactional-producer.js'
import { DELIVERY_TIMEOUT_MS, TRANSACTION_TIMEOUT_MS } from './group-commit/scripted-instance.js'
import { type Fault, PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'
import { toBatches } from './to-batches.js'

const ID = 'app-one.0'
const OPTIONS = {
  transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
  deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
  codec: 'none',
} as const
const TOPICS = new Map([
  ['a', 2],
  ['b', 1],
])

async function opening({ version = 1 } = {}) {
  const kafka = new ScriptedKafka(Object.fromEntries(TOPICS))
  kafka.transactionVersion = async () => version
  const producer = await TransactionalProducer.open(kafka.cluster, ID, OPTIONS)
  return { kafka, producer }
}
const batches = (...places: (readonly [topic: string, partition: number, value: string])[]): OutgoingBatch[] =>
  toBatches(
    places.map(
      ([topic, partition, value]): NewRecord => ({
        topic,
        partition,
        key: null,
        value: Buffer.from(value),
        timestamp: 0,
        headers: [],
      }),
    ),
    TOPICS,
    new Map([...TOPICS.keys()].map((topic) => [topic, 1_000])),
  )

describe('a producer with a transactional id', () => {
  it.each([
    [0, ['InitProducerId 5', 'AddPartitionsToTxn 3', 'Produce 11', 'EndTxn 4']],
    [1, ['InitProducerId 5', 'AddPartitionsToTxn 3', 'Produce 11', 'EndTxn 4']],
    [2, ['InitProducerId 5', 'Produce 12', 'EndTxn 5']],
    [3, ['InitProducerId 5', 'Produce 12', 'EndTxn 5']],
  ])('sends the requests of transaction.version %i', async (version, requests) => {
    const { kafka, producer } = await opening({ version })
    expect(await producer.write(batches(['a', 0, 'x'], ['b', 0, 'y']))).toEqual(new Map())
    expect(await producer.commit()).toBe(true)
    expect(kafka.requests).toEqual(requests)
    expect([kafka.committed('a/0'), kafka.committed('b/0')]).toEqual([['x'], ['y']])
  })

  it.each([{ version: 1 }, { version: 2 }])('has one transaction after the other: %j', async (protocol) => {
    const { kafka, producer } = await opening(protocol)
    for (const value of ['1', '2', '3']) {
      await producer.write(batches(['a', 0, value], ['a', 1, value]))
      expect(kafka.committed('a/0')).not.toContain(value)
      await producer.commit()
    }
    expect([kafka.committed('a/0'), kafka.committed('a/1')]).toEqual([
      ['1', '2', '3'],
      ['1', '2', '3'],
    ])
    const isVersion2 = protocol.version === 2
    const states = kafka.sent.filter(({ place }) => place === 'a/0').map(({ epoch, sequence }) => [epoch, sequence])
    expect(states).toEqual(isVersion2 ? [0, 1, 2].map((epoch) => [epoch, 0]) : [0, 1, 2].map((next) => [0, next]))
  })

  it('aborts what another producer of the id has begun', async () => {
    const { kafka, producer } = await opening()
    await producer.write(batches(['a', 0, 'x']))
    await TransactionalProducer.open(kafka.cluster, ID, OPTIONS)
    expect(kafka.log('a/0').entries.map(({ marker }) => marker)).toEqual([undefined, 'abort'])
    await expect(producer.commit()).rejects.toMatchObject({ code: 90 })
  })

  it('has another producer id once its epochs are used up', async () => {
    const kafka = new ScriptedKafka(Object.fromEntries(TOPICS))
    kafka.transactionVersion = async () => 2
    kafka.transactions.useUpEpochs(ID)
    const producer = await TransactionalProducer.open(kafka.cluster, ID, OPTIONS)
    expect(producer.producerId).toBe(PRODUCER_ID)
    for (const value of ['1', '2']) {
      await producer.write(batches(['a', 0, value]))
      await producer.commit()
    }
    expect(producer.producerId).toBe(PRODUCER_ID + 1n)
    expect(kafka.committed('a/0')).toEqual(['1', '2'])
  })
})

describe('a failure to write', () => {
  it.each([{ version: 1 }, { version: 2 }])('is that of a batch: the others are written (%j)', async (protocol) => {
    const { kafka, producer } = await opening(protocol)
    kafka.refusals['a/1'] = [87]
    const [first, second, third] = batches(['a', 0, 'x'], ['a', 1, 'y'], ['b', 0, 'z']) as [
      OutgoingBatch,
      OutgoingBatch,
      OutgoingBatch,
    ]
    const failures = await producer.write([first, second, third])
    expect([...failures]).toEqual([[second, expect.objectContaining({ code: 87 })]])
    expect([kafka.written('a/0'), kafka.written('b/0')]).toEqual([1, 1])
  })

  it('is that of the topic whose partitions could not be added; nothing is written', async () => {
    const { kafka, producer } = await opening()
    kafka.faults.AddPartitionsToTxn = [29]
    const all = batches(['a', 0, 'x'], ['b', 0, 'y'], ['a', 1, 'z'])
    const failures = await producer.write(all)
    expect([...failures.keys()].map(({ topic }) => topic)).toEqual(['a', 'a'])
    expect([...failures.values()]).toMatchObject([{ code: 29 }, { code: 29 }])
    expect(kafka.count('Produce')).toBe(0)
  })

  it.each<readonly [Fault, object]>([
    ['request lost', { code: 'LOG_FAILED', retriable: true }],
    [16, { code: 16 }],
  ])('is that of no batch if the transaction has no coordinator that responds: %s', async (fault, cause) => {
    const { kafka, producer } = await opening()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 1_000 }, () => fault)
    const written = producer.write(batches(['a', 0, 'x'], ['b', 0, 'y']))
    await expect(written).rejects.toBeInstanceOf(TransactionNotBegun)
    await expect(written).rejects.toMatchObject({ cause })
    expect(kafka.count('Produce')).toBe(0)
  })

  it('is due to the transaction before it only after code 51', () => {
    expect(isPreviousIncomplete(new ProtocolError(51, 'Produce'))).toBe(true)
    expect(isPreviousIncomplete(new ProtocolError(47, 'Produce'))).toBe(false)
    expect(isPreviousIncomplete(new Error('51'))).toBe(false)
  })
})

describe('a commit whose EndTxn was sent twice', () => {
  it.each<readonly [version: number, fault: Fault, mayGoOn: boolean]>([
    [1, 'request lost', false], // its copy may arrive later, and would commit the next transaction
    [1, 'response lost', false],
    [2, 'request lost', true], // the next transaction has another epoch
    [2, 'response lost', true],
  ])(
    'is committed; whether the id may be used again depends on the protocol: %i, %s',
    async (version, fault, mayGoOn) => {
      const { kafka, producer } = await opening({ version })
      kafka.faults.EndTxn = [fault]
      await producer.write(batches(['a', 0, 'x']))
      expect(await producer.commit()).toBe(mayGoOn)
      expect(kafka.committed('a/0')).toEqual(['x'])
    },
  )
})
