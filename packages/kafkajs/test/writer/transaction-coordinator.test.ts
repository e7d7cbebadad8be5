import { JoineryError } from '@joinery/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { TransactionCoordinator } from '../../src/writer/transaction-coordinator.js'
import { ScriptedKafka } from './scripted-kafka.js'

afterEach(() => void vi.useRealTimers())

const coordinating = (isSecondVersion = false) => {
  const kafka = new ScriptedKafka({ a: 1 })
  return { kafka, coordinator: new TransactionCoordinator(kafka.cluster, 'app-0', 30_000, isSecondVersion) }
}
const IDENTITY = { id: 77, epoch: 3 }
const ID = '6170702d30'

describe('requests', () => {
  it('have the bytes of the older protocol', async () => {
    const { kafka, coordinator } = coordinating()
    for (let epoch = 0; epoch <= 3; epoch++) await coordinator.init()
    await coordinator.add(IDENTITY, new Map([['a', new Set([0, 2])]]))
    expect(await coordinator.commit(IDENTITY, () => {})).toEqual(IDENTITY)
    expect(kafka.requests.slice(3)).toEqual(['InitProducerId 1', 'AddPartitionsToTxn 1', 'EndTxn 1'])
    expect(kafka.bodies.slice(3)).toEqual([
      `0005${ID}00007530`,
      `0005${ID}000000000000004d000300000001000161000000020000000000000002`,
      `0005${ID}000000000000004d000301`,
    ])
  })

  it('have the bytes of KIP-890 part 2, where partitions are not added and each end brings an epoch', async () => {
    const { kafka, coordinator } = coordinating(true)
    expect(await coordinator.init()).toEqual({ id: 77, epoch: 0 })
    await coordinator.add({ id: 77, epoch: 0 }, new Map([['a', new Set([0])]]))
    expect(await coordinator.commit({ id: 77, epoch: 0 }, () => {})).toEqual({ id: 77, epoch: 1 })
    expect(kafka.requests).toEqual(['InitProducerId 5', 'EndTxn 5'])
    expect(kafka.bodies).toEqual([`06${ID}00007530ffffffffffffffffffff00`, `06${ID}000000000000004d00000100`])
  })
})

describe('a coordinator', () => {
  it.each([14, 15, 16])('that is not there (code %i) is looked for again', async (code) => {
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = [code, code]
    expect(await coordinator.init()).toEqual({ id: 77, epoch: 0 })
    expect(looks).toBe(3)
  })

  it('that is completing the last transaction is asked again soon: after 1, 2, 4 … ms', async () => {
    vi.useFakeTimers()
    const { kafka, coordinator } = coordinating()
    let looks = 0
    kafka.coordinatorOf = () => ++looks
    kafka.faults.InitProducerId = [51, 51, 51]
    const init = coordinator.init()
    await vi.advanceTimersByTimeAsync(1 + 2 + 4)
    expect(await init).toEqual({ id: 77, epoch: 0 })
    expect(looks).toBe(1)
  })

  it('is asked again after a lost answer, but never whether to commit', async () => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = ['response lost']
    expect(await coordinator.init()).toEqual({ id: 77, epoch: 1 })
    kafka.faults.EndTxn = ['response lost']
    let isSent = false
    const commit = coordinator.commit({ id: 77, epoch: 1 }, () => {
      isSent = true
    })
    await expect(commit).rejects.toMatchObject({ code: 'LOG_FAILED' })
    expect(isSent).toBe(true)
    expect(kafka.requests.filter((request) => request.startsWith('EndTxn'))).toHaveLength(1)
  })

  it('is not asked again where that cannot help', async () => {
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = [53]
    await expect(coordinator.init()).rejects.toMatchObject({ code: 53 })
    kafka.faults.InitProducerId = ['response cut']
    await expect(coordinator.init()).rejects.toMatchObject({ code: 'RECORDS_CORRUPT' })
    kafka.coordinatorOf = () => Promise.reject(new JoineryError('LOG_CLOSED', 'the log was closed'))
    const other = new TransactionCoordinator(kafka.cluster, 'app-1', 30_000, false)
    await expect(other.init()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect(kafka.requests).toHaveLength(2)
  })

  it('that stays away is given up in the end', async () => {
    vi.useFakeTimers()
    const { kafka, coordinator } = coordinating()
    kafka.faults.InitProducerId = Array.from({ length: 10_000 }, () => 15)
    const init = expect(coordinator.init()).rejects.toMatchObject({ code: 15 })
    await vi.advanceTimersByTimeAsync(120_000)
    await init
  })
})
