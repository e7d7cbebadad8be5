import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { TransactionCoordinator } from '../../src/writer/transaction-coordinator.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { type ApiName, PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'

const TRANSACTION_TIMEOUT_MS = 30_000
const DELIVERY_TIMEOUT_MS = 12_000

const coordinating = (version = 1) => {
  const kafka = new ScriptedKafka({ a: 1 })
  const coordinator = new TransactionCoordinator(kafka.cluster, 'app-0', {
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    protocol: transactionProtocol(version),
  })
  /** Begins an epoch, and a transaction with a batch. */
  const begin = async () => {
    const producer = await coordinator.init()
    kafka.transactions.add({ id: 'app-0', ...producer }, ['a/0'])
    return producer
  }
  return { kafka, coordinator, begin }
}
const IDENTITY = { producerId: PRODUCER_ID, epoch: 3 }
const FIRST = { producerId: PRODUCER_ID, epoch: 0 }
const ID = '6170702d30'
const PRODUCER = PRODUCER_ID.toString(16)
const A = new Map([['a', new Set([0])]])
const markers = (kafka: ScriptedKafka) => kafka.log('a/0').entries.map(({ marker }) => marker)

describe('requests', () => {
  it('have the bytes of the older protocol', async () => {
    const { kafka, coordinator } = coordinating()
    for (let epoch = 0; epoch <= 3; epoch++)
      expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch })
    await coordinator.addPartitions(IDENTITY, new Map([['a', new Set([0, 2])]]))
    expect(await coordinator.end(IDENTITY, 'commit')).toEqual({ next: IDENTITY, isRepeated: false })
    await coordinator.addPartitions(IDENTITY, A)
    expect(await coordinator.end(IDENTITY, 'abort')).toEqual({ next: IDENTITY, isRepeated: false })
    expect(kafka.requests.slice(3)).toEqual([
      'InitProducerId 5',
      'AddPartitionsToTxn 3',
      'EndTxn 4',
      'AddPartitionsToTxn 3',
      'EndTxn 4',
    ])
    expect(kafka.bodies.slice(3)).toEqual([
      `06${ID}00007530ffffffffffffffffffff00`,
      `06${ID}${PRODUCER}00030202610300000000000000020000`,
      `06${ID}${PRODUCER}00030100`,
      `06${ID}${PRODUCER}000302026102000000000000`,
      `06${ID}${PRODUCER}00030000`,
    ])
  })

  it('have the bytes of KIP-890 part 2, where partitions are not added and each end brings an epoch', async () => {
    const { kafka, coordinator, begin } = coordinating(2)
    expect(await begin()).toEqual(FIRST)
    await coordinator.addPartitions(FIRST, A)
    expect(await coordinator.end(FIRST, 'commit')).toEqual({
      next: { producerId: PRODUCER_ID, epoch: 1 },
      isRepeated: false,
    })
    expect(kafka.requests).toEqual(['InitProducerId 5', 'EndTxn 5'])
    expect(kafka.bodies).toEqual([`06${ID}00007530ffffffffffffffffffff00`, `06${ID}${PRODUCER}00000100`])
  })
})

describe('a response', () => {
  it.each(['AddPartitionsToTxn', 'EndTxn'] as const)('with an error names the request: %s', async (api) => {
    const { kafka, coordinator } = coordinating()
    kafka.faults[api] = [48]
    const asked = api === 'EndTxn' ? coordinator.end(IDENTITY, 'commit') : coordinator.addPartitions(IDENTITY, A)
    await expect(asked).rejects.toMatchObject({ code: 48, message: `${api} of app-0 failed with INVALID_TXN_STATE` })
  })

  it('that the topic of an added partition is unknown is final only after a while', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 49 }, () => 3)
    await coordinator.addPartitions(FIRST, A)
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 50 }, () => 3)
    await expect(coordinator.addPartitions(FIRST, A)).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'a' })
    expect(kafka.clock.waits).toEqual(Array.from({ length: 49 + 49 }, () => 100))
  })

  it('that a transaction is still ending is not about the topic: it is the last error when the time is over', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 1_000 }, () => 51)
    await expect(coordinator.addPartitions(FIRST, A)).rejects.toMatchObject({ code: 51 })
  })

  it('is that of the cause, in any order of the partitions', async () => {
    const { kafka, coordinator } = coordinating()
    await coordinator.init()
    const partitions = new Map(['a', 'b', 'c'].map((topic) => [topic, new Set([0, 1])]))
    for (const isCauseLast of [true, false]) {
      kafka.isCauseLast = isCauseLast
      kafka.faults.AddPartitionsToTxn = [29]
      await expect(coordinator.addPartitions(FIRST, partitions)).rejects.toMatchObject({ code: 29, topic: 'a' })
    }
  })
})

describe('a coordinator', () => {
  it.each([14, 15, 16])('that is unavailable (code %i) is looked up again', async (code) => {
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = [code, code]
    expect(await coordinator.init()).toEqual(FIRST)
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
    expect(await coordinator.init()).toEqual(FIRST)
    expect(looks).toBe(1)
  })

  it('gets a request again after a lost response, at the coordinator as it is then', async () => {
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = ['response lost']
    expect(await coordinator.init()).toEqual({ producerId: PRODUCER_ID, epoch: 1 })
    expect(looks).toBe(2)
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
    const other = new TransactionCoordinator(kafka.cluster, 'app-1', {
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      protocol: transactionProtocol(1),
    })
    await expect(other.init()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect(kafka.requests).toHaveLength(2)
  })

  it.each<[ApiName, number | 'request lost', object]>([
    ['InitProducerId', 15, { code: 15 }],
    ['InitProducerId', 'request lost', { code: 'LOG_FAILED', retriable: true }],
    ['AddPartitionsToTxn', 15, { code: 15 }],
    ['AddPartitionsToTxn', 'request lost', { code: 'LOG_FAILED', retriable: true }],
  ])('that stays unavailable is an error after the time for delivery: %s, %s', async (api, fault, expected) => {
    const { kafka, coordinator } = coordinating()
    kafka.faults[api] = Array.from({ length: 10_000 }, () => fault)
    const began = kafka.clock.monotonic()
    const sent = api === 'InitProducerId' ? coordinator.init() : coordinator.addPartitions(FIRST, A)
    await expect(sent).rejects.toMatchObject(expected)
    const took = kafka.clock.monotonic() - began
    expect(took).toBeGreaterThanOrEqual(DELIVERY_TIMEOUT_MS)
    expect(took).toBeLessThan(DELIVERY_TIMEOUT_MS + 200)
  })
})

describe.each([{ version: 1 }, { version: 2 }])(
  'the end of a transaction (transaction.version $version)',
  (protocol) => {
    const next = (isRepeated: boolean) => ({
      next: { producerId: PRODUCER_ID, epoch: protocol.version === 2 ? 1 : 0 },
      isRepeated,
    })

    it.each(['request lost', 'response lost', 14, 15, 16, 51] as const)(
      'is sent again, and happens once: %s',
      async (fault) => {
        const { kafka, coordinator, begin } = coordinating(protocol.version)
        const producer = await begin()
        kafka.faults.EndTxn = [fault, fault]
        expect(await coordinator.end(producer, 'commit')).toEqual(next(true))
        expect(kafka.count('EndTxn')).toBe(3)
        expect(new Set(kafka.bodies.slice(1)).size).toBe(1)
        expect(markers(kafka)).toEqual(['commit'])
      },
    )

    it('is sent again after two seconds on a silent connection', async () => {
      const { kafka, coordinator, begin } = coordinating(protocol.version)
      const producer = await begin()
      kafka.faults.EndTxn = ['silence', 'silence']
      const began = kafka.clock.monotonic()
      expect(await coordinator.end(producer, 'commit')).toEqual(next(true))
      expect(kafka.clock.monotonic() - began).toBe(2 * (2_000 + 100))
      expect(markers(kafka)).toEqual(['commit'])
    })

    it('is sent to the coordinator as it is then', async () => {
      const { kafka, coordinator, begin } = coordinating(protocol.version)
      const producer = await begin()
      let looks = 0
      kafka.coordinatorOf = () => ++looks
      kafka.faults.EndTxn = ['request lost', 16]
      await coordinator.end(producer, 'commit')
      expect(looks).toBe(2) // the first one was known
    })

    it.each(['request lost', 15] as const)(
      'is unclear when half of the timeout is over without a response: %s',
      async (fault) => {
        const { kafka, coordinator, begin } = coordinating(protocol.version)
        const producer = await begin()
        kafka.faults.EndTxn = Array.from({ length: 10_000 }, () => fault)
        const began = kafka.clock.monotonic()
        await expect(coordinator.end(producer, 'commit')).rejects.toBeInstanceOf(Error)
        const took = kafka.clock.monotonic() - began
        expect(took).toBeGreaterThanOrEqual(TRANSACTION_TIMEOUT_MS / 2)
        expect(took).toBeLessThan(TRANSACTION_TIMEOUT_MS / 2 + 200)
      },
    )

    it.each([47, 48, 49, 53, 90, 120, -1])('is not sent again after code %i', async (code) => {
      const { kafka, coordinator, begin } = coordinating(protocol.version)
      const producer = await begin()
      kafka.faults.EndTxn = [code]
      await expect(coordinator.end(producer, 'commit')).rejects.toMatchObject({ code })
      expect(kafka.count('EndTxn')).toBe(1)
    })

    it('is fenced by a new epoch', async () => {
      const { kafka, coordinator, begin } = coordinating(protocol.version)
      const producer = await begin()
      kafka.fence('app-0')
      await expect(coordinator.end(producer, 'commit')).rejects.toMatchObject({ code: 90 })
      expect(markers(kafka)).toEqual(['abort'])
    })
  },
)

describe('the end of a transaction', () => {
  it('brings a new producer when its epochs are used up (KIP-890)', async () => {
    const { kafka, coordinator } = coordinating(2)
    kafka.transactions.useUpEpochs('app-0')
    const last = await coordinator.init()
    expect(last).toEqual({ producerId: PRODUCER_ID, epoch: 32_765 })
    kafka.transactions.add({ id: 'app-0', ...last }, ['a/0'])
    kafka.faults.EndTxn = ['response lost']
    expect(await coordinator.end(last, 'commit')).toEqual({
      next: { producerId: PRODUCER_ID + 1n, epoch: 0 },
      isRepeated: true,
    })
    expect(markers(kafka)).toEqual(['commit'])
  })
})
