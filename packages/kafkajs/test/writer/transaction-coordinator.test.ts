import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { TransactionCoordinator } from '../../src/writer/transaction-coordinator.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'

const coordinating = (version = 1) => {
  const kafka = new ScriptedKafka({ a: 1 })
  const coordinator = new TransactionCoordinator(kafka.cluster, 'app-0', 30_000, transactionProtocol(version))
  return { kafka, coordinator }
}
const IDENTITY = { producerId: PRODUCER_ID, epoch: 3 }
const ID = '6170702d30'
const PRODUCER = PRODUCER_ID.toString(16)

describe('requests', () => {
  it('have the bytes of the older protocol', async () => {
    const { kafka, coordinator } = coordinating()
    for (let epoch = 0; epoch <= 3; epoch++) await coordinator.init()
    await coordinator.addPartitions(IDENTITY, new Map([['a', new Set([0, 2])]]))
    expect(await coordinator.commit(IDENTITY, () => {})).toEqual(IDENTITY)
    expect(kafka.requests.slice(3)).toEqual(['InitProducerId 5', 'AddPartitionsToTxn 3', 'EndTxn 4'])
    expect(kafka.bodies.slice(3)).toEqual([
      `06${ID}00007530ffffffffffffffffffff00`,
      `06${ID}${PRODUCER}00030202610300000000000000020000`,
      `06${ID}${PRODUCER}00030100`,
    ])
  })

  it('have the bytes of KIP-890 part 2, where partitions are not added and each end brings an epoch', async () => {
    const { kafka, coordinator } = coordinating(2)
    expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch: 0 })
    await coordinator.addPartitions({ producerId: PRODUCER_ID, epoch: 0 }, new Map([['a', new Set([0])]]))
    expect(await coordinator.commit({ producerId: PRODUCER_ID, epoch: 0 }, () => {})).toEqual({
      producerId: PRODUCER_ID,
      epoch: 1,
    })
    expect(kafka.requests).toEqual(['InitProducerId 5', 'EndTxn 5'])
    expect(kafka.bodies).toEqual([`06${ID}00007530ffffffffffffffffffff00`, `06${ID}${PRODUCER}00000100`])
  })
})

describe('a response', () => {
  it.each(['AddPartitionsToTxn', 'EndTxn'] as const)('with an error names the request: %s', async (api) => {
    const { kafka, coordinator } = coordinating()
    kafka.faults[api] = [48]
    const asked =
      api === 'EndTxn'
        ? coordinator.commit(IDENTITY, () => {})
        : coordinator.addPartitions(IDENTITY, new Map([['a', new Set([0])]]))
    await expect(asked).rejects.toMatchObject({ code: 48, message: `${api} of app-0 failed with INVALID_TXN_STATE` })
  })

  it('that the topic of an added partition is unknown is final only after a while', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    const adding = () =>
      coordinator.addPartitions({ producerId: PRODUCER_ID, epoch: 0 }, new Map([['a', new Set([0])]]))
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 49 }, () => 3)
    await adding()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 50 }, () => 3)
    await expect(adding()).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'a' })
    expect(kafka.clock.waits).toEqual(Array.from({ length: 49 + 49 }, () => 100))
  })

  it('that a transaction is still ending is not about the topic, however long it takes', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 100 }, () => 51)
    await coordinator.addPartitions({ producerId: PRODUCER_ID, epoch: 0 }, new Map([['a', new Set([0])]]))
    expect(kafka.clock.waits).toHaveLength(100)
  })

  it('is that of the cause, in any order of the partitions', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    const partitions = new Map(['a', 'b', 'c'].map((topic) => [topic, new Set([0, 1])]))
    for (const isCauseLast of [true, false]) {
      kafka.isCauseLast = isCauseLast
      kafka.faults.AddPartitionsToTxn = [29]
      await expect(coordinator.addPartitions({ producerId: PRODUCER_ID, epoch: 0 }, partitions)).rejects.toMatchObject({
        code: 29,
        topic: 'a',
      })
    }
  })
})

describe('a coordinator', () => {
  it.each([14, 15, 16])('that is unavailable (code %i) is looked up again', async (code) => {
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = [code, code]
    expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch: 0 })
    expect(looks).toBe(3)
  })

  it('is looked up by the type of id', async () => {
    const { kafka, coordinator } = coordinating()
    const asked: unknown[] = []
    kafka.coordinatorOf = (...all) => asked.push(all)
    await coordinator.init()
    expect(asked).toEqual([['transaction', 'app-0']])
  })

  it.each([
    [51, 9, [1, 2, 4, 8, 16, 32, 64, 100, 100]],
    [15, 3, [100, 100, 100]],
    [3, 3, [100, 100, 100]],
  ])('gets a request again after code %i, %i times, after %j ms', async (code, count, expected) => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = Array.from({ length: count }, () => code)
    await coordinator.init()
    expect(kafka.clock.waits).toEqual(expected)
  })

  it('that is still completing the last transaction is not looked up again', async () => {
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = [51, 51, 51]
    expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch: 0 })
    expect(looks).toBe(1)
  })

  it('gets a request again after a lost response, but never EndTxn', async () => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = ['response lost']
    expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch: 1 })
    kafka.faults.EndTxn = ['response lost']
    let isSent = false
    const commit = coordinator.commit({ producerId: PRODUCER_ID, epoch: 1 }, () => {
      isSent = true
    })
    await expect(commit).rejects.toMatchObject({ code: 'LOG_FAILED' })
    expect(isSent).toBe(true)
    expect(kafka.requests.filter((request) => request.startsWith('EndTxn'))).toHaveLength(1)
  })

  it('does not get a request again if that cannot help', async () => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = [53]
    await expect(coordinator.init()).rejects.toMatchObject({
      code: 53,
      message: expect.stringContaining('InitProducerId of app-0 failed with TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
    })
    kafka.faults.InitProducerId = ['response cut']
    await expect(coordinator.init()).rejects.toMatchObject({ code: 'RECORDS_CORRUPT' })
    kafka.coordinatorOf = () => Promise.reject(new JoineryError('LOG_CLOSED', 'the log was closed'))
    const other = new TransactionCoordinator(kafka.cluster, 'app-1', 30_000, transactionProtocol(1))
    await expect(other.init()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect(kafka.requests).toHaveLength(2)
  })

  it('that stays unavailable is an error in the end', async () => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = Array.from({ length: 10_000 }, () => 15)
    await expect(coordinator.init()).rejects.toMatchObject({ code: 15 })
    expect(kafka.requests).toHaveLength(300)
    const lost = Array.from({ length: 1_000 }, () => 'request lost' as const)
    kafka.faults.InitProducerId = [...lost]
    await expect(coordinator.init()).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    expect(kafka.requests).toHaveLength(600)
  })
})
