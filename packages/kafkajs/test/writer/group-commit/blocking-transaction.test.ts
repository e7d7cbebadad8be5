import type { Headers } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { endBlockingTransaction } from '../../../src/writer/group-commit/blocking-transaction.js'
import { EndedTransactions } from '../../../src/writer/group-commit/ended-transactions.js'
import { transactionalIdHeader } from '../../../src/writer/group-commit/transactional-id-header.js'
import { TransactionalProducer } from '../../../src/writer/transactional-producer.js'
import { PRODUCER_ID, ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'
import { ScriptedInstance } from './scripted-instance.js'

const CHANGELOG = { topic: 'app-changelog', partition: 0 }

/** A transaction of a transactional id, whose first record has these headers, holds up the changelog from offset 1 on. */
async function blocking(id: string, headers: Headers = transactionalIdHeader(id)) {
  const kafka = new ScriptedKafka({ 'app-changelog': 1 })
  const instance = new ScriptedInstance(kafka)
  const log = kafka.log('app-changelog/0')
  const record = { ...CHANGELOG, key: Buffer.from('k'), value: null, timestamp: 0, headers: [] }
  const write = async (owner: string, records: readonly (typeof record)[]) => {
    const producer = await TransactionalProducer.open(kafka.cluster, owner, instance.options)
    await producer.write(toBatches(records, new Map([['app-changelog', 1]]), new Map([['app-changelog', 1_000]])))
    return producer
  }
  await (await write('app-before.0', [record])).commit() // 0, its marker at 1
  const blocker = await write(id, [{ ...record, headers: headers as [] }, record])
  expect(log.lastStable).toBe(2)
  kafka.history.length = 0
  const ended = new EndedTransactions()
  const end = (offset = 2, isHanging = false) =>
    endBlockingTransaction(
      kafka.cluster,
      { ...CHANGELOG, offset },
      { ...instance.options, ownId: 'app-one.4', ended, isHanging },
    )
  return { kafka, instance, log, blocker, end }
}

describe('a transaction that holds up a changelog', () => {
  it('is ended by InitProducerId with the id that its first record names, after a heartbeat', async () => {
    const { kafka, log, blocker, end } = await blocking('app-two.0')
    await end()
    expect(kafka.history).toEqual(['Fetch', 'Heartbeat of one', 'InitProducerId app-two.0'])
    expect(log.entries.at(-1)?.marker).toBe('abort')
    expect(log.lastStable).toBe(log.end)
    await expect(blocker.commit()).rejects.toMatchObject({ code: 90 })
  })

  it('is not ended by a member that is stale', async () => {
    const { kafka, instance, log, end } = await blocking('app-two.0')
    instance.isMember = () => false
    await expect(end()).rejects.toMatchObject({ code: 'TASK_LOST', retriable: true })
    expect(kafka.history).toEqual(['Fetch', 'Heartbeat of one'])
    expect(log.lastStable).toBe(2)
  })

  it('is not ended if the membership cannot be verified', async () => {
    const { kafka, instance, end } = await blocking('app-two.0')
    instance.isMember = () => Promise.reject(new Error('no coordinator'))
    await expect(end()).rejects.toThrow('no coordinator')
    expect(kafka.count('InitProducerId')).toBe(0)
  })

  it('is not ended if it is of this instance: it ends by itself', async () => {
    const { kafka, end } = await blocking('app-one.4')
    await end()
    expect(kafka.history).toEqual(['Fetch'])
  })

  it.each<readonly [string, string, Headers | undefined]>([
    ['that names no id', 'app-two.0', []],
    ['of another application', 'another-two.0', undefined],
    ['of an application whose name only begins in the same way', 'apple-two.0', undefined],
    ['whose id is not of an instance', 'app', undefined],
  ])('is not ended, but reported with the command that ends it: one %s', async (_, id, headers) => {
    const { kafka, log, end } = await blocking(id, headers)
    await expect(end()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      ...CHANGELOG,
      offset: 2,
      message: expect.stringMatching(
        new RegExp(
          `producer ${PRODUCER_ID + 1n}, which is not of this application, holds up app-changelog\\[0\\] from offset 2: ` +
            '.*kafka-transactions.sh --bootstrap-server BROKERS abort --topic app-changelog --partition 0 --start-offset 2',
        ),
      ),
    })
    expect(kafka.history).toEqual(['Fetch'])
    expect(log.lastStable).toBe(2)
  })

  it('that InitProducerId has not ended, because a marker was skipped, is ended by another one of its id', async () => {
    const { kafka, log, end } = await blocking('app-two.0')
    kafka.withoutMarkers.add('app-changelog/0')
    await end()
    expect(log.lastStable).toBe(2)
    kafka.withoutMarkers.clear()
    kafka.history.length = 0
    await end(2, true)
    expect(kafka.history).toEqual([
      'Fetch',
      'Heartbeat of one',
      'InitProducerId app-two.0',
      'AddPartitionsToTxn app-two.0',
      'EndTxn(abort) app-two.0',
    ])
    expect(log.lastStable).toBe(log.end)
    expect(log.committed).toHaveLength(1) // what was committed before
  })

  it('that hangs is not ended by a stale member, nor if it is of another application', async () => {
    const { kafka, instance, end } = await blocking('app-two.0')
    instance.isMember = () => false
    await expect(end(2, true)).rejects.toMatchObject({ code: 'TASK_LOST' })
    const another = await blocking('another-two.0')
    await expect(another.end(2, true)).rejects.toMatchObject({ code: 'LOG_FAILED' })
    for (const { history } of [kafka, another.kafka])
      expect(history.filter((request) => request.startsWith('InitProducerId'))).toEqual([])
  })

  it('that is found again is not fenced again, but is after a failure', async () => {
    const { kafka, end } = await blocking('app-two.0')
    kafka.faults.InitProducerId = [53]
    await expect(Promise.all([end(), end()])).rejects.toMatchObject({ code: 53 })
    expect(kafka.count('InitProducerId')).toBe(1)
    await Promise.all([end(), end()])
    await end()
    expect(kafka.count('InitProducerId')).toBe(2)
  })

  it('may have ended meanwhile: there is nothing to do if a marker is found', async () => {
    const { kafka, end } = await blocking('app-two.0')
    await end(1)
    expect(kafka.history).toEqual(['Fetch'])
  })

  it('is an error if it cannot be ended', async () => {
    const { kafka, end } = await blocking('app-two.0')
    kafka.faults.InitProducerId = [53]
    await expect(end()).rejects.toMatchObject({ code: 53 })
  })
})
