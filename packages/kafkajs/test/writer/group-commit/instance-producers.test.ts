import { describe, expect, it, vi } from 'vitest'
import { ProtocolError } from '../../../src/protocol/protocol-error.js'
import { InstanceProducers } from '../../../src/writer/group-commit/instance-producers.js'
import type { OutgoingBatch } from '../../../src/writer/outgoing-batch.js'
import { ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'
import { ScriptedInstance } from './scripted-instance.js'

const WITHIN = { timeout: 10_000 }

function producing() {
  const kafka = new ScriptedKafka({ a: 1 })
  const instance = new ScriptedInstance(kafka)
  const producers = new InstanceProducers(kafka.cluster, 'app-one', instance.options)
  const times = (request: string, count: number) => vi.waitFor(() => expect(kafka.count(request)).toBe(count), WITHIN)
  return { kafka, instance, producers, times }
}
const batch = (): OutgoingBatch[] =>
  toBatches(
    [{ topic: 'a', partition: 0, key: null, value: null, timestamp: 0, headers: [] }],
    new Map([['a', 1]]),
    new Map([['a', 1_000]]),
  )
const markers = (kafka: ScriptedKafka) => kafka.log('a/0').entries.map(({ marker }) => marker)

describe('the producers of an instance', () => {
  it('are one at a time, with numbered transactional ids', async () => {
    const { kafka, producers } = producing()
    expect(producers.transactionalId).toBe('app-one.0')
    const producer = await producers.current()
    expect(producer.transactionalId).toBe('app-one.0')
    expect(await producers.current()).toBe(producer)
    producers.retire()
    expect(producers.transactionalId).toBe('app-one.1')
    expect((await producers.current()).transactionalId).toBe('app-one.1')
    expect(kafka.count('InitProducerId app-one.1')).toBe(1)
  })

  it('have another id after one that could not begin: its InitProducerId may still arrive', async () => {
    const { kafka, producers } = producing()
    kafka.faults.InitProducerId = [53]
    await expect(producers.current()).rejects.toMatchObject({ code: 53 })
    expect((await producers.current()).transactionalId).toBe('app-one.1')
    expect(kafka.history).toEqual(['InitProducerId app-one.0', 'InitProducerId app-one.1'])
  })
})

describe('a retired id', () => {
  it('has its transaction aborted, while the next one is in use already', async () => {
    const { kafka, producers, times } = producing()
    await (await producers.current()).write(batch())
    kafka.faults['InitProducerId app-one.0'] = Array.from({ length: 3 }, () => 15)
    producers.retire()
    const next = await producers.current()
    await next.write(batch())
    await next.commit()
    expect(markers(kafka)).toEqual([undefined, undefined, 'commit'])
    await times('InitProducerId app-one.0', 1 + 4)
    expect(markers(kafka)).toEqual([undefined, undefined, 'commit', 'abort'])
  })

  it('gets InitProducerId until there is a response, each second after the time for delivery, and reports that', async () => {
    const { kafka, instance, producers } = producing()
    await (await producers.current()).write(batch())
    // a request each 100 ms for 12 s, then a second's pause: the fourth attempt has a response
    const lost = Array.from({ length: 3 * 121 }, () => 'request lost' as const)
    kafka.faults['InitProducerId app-one.0'] = lost
    producers.retire()
    await vi.waitFor(() => expect(markers(kafka)).toEqual([undefined, 'abort']), WITHIN)
    expect(lost).toEqual([])
    expect(instance.retried).toHaveLength(3)
    expect(instance.retried[0]).toMatchObject({ code: 'LOG_FAILED', retriable: true })
    expect(kafka.clock.waits.filter((ms) => ms === 1_000)).toHaveLength(3)
    await vi.waitFor(() => expect(instance.retries.problems).toEqual([]), WITHIN)
  })

  it('ends what a skipped marker has left open, once the partition has a leader again', async () => {
    const { kafka, instance, producers, times } = producing()
    const log = kafka.log('a/0')
    await (await producers.current()).write(batch())
    kafka.withoutMarkers.add('a/0')
    let isLed = false
    kafka.leaderOf = (topic) => {
      if (!isLed) throw new ProtocolError(5, `Metadata of ${topic}`, topic)
      return 1
    }
    producers.retire([{ topic: 'a', partition: 0 }])
    await times('InitProducerId app-one.0', 2)
    await vi.waitFor(() => expect(instance.retried.length).toBeGreaterThan(2), WITHIN)
    expect(kafka.count('InitProducerId app-one.0')).toBe(2)
    expect(markers(kafka)).toEqual([undefined])
    kafka.withoutMarkers.clear()
    isLed = true
    await vi.waitFor(() => expect(markers(kafka)).toEqual([undefined, 'abort']), WITHIN)
    expect(log.lastStable).toBe(log.end)
    expect(log.committed).toEqual([])
    await vi.waitFor(() => expect(instance.retries.problems).toEqual([]), WITHIN)
    expect(kafka.history.slice(-3)).toEqual([
      'InitProducerId app-one.0',
      'AddPartitionsToTxn app-one.0',
      'EndTxn(abort) app-one.0',
    ])
  })

  it('ends what is left open again if the partition has lost its leader meanwhile, which skips the marker again', async () => {
    const { kafka, instance, producers } = producing()
    const log = kafka.log('a/0')
    await (await producers.current()).write(batch())
    kafka.withoutMarkers.add('a/0')
    const isEnding = () => kafka.history.filter((request) => request === 'EndTxn(abort) app-one.0').length
    kafka.leaderOf = (topic) => {
      // it has a leader before the first attempt, none after it, and then another one
      if (isEnding() === 1 && kafka.withoutMarkers.delete('a/0'))
        throw new ProtocolError(5, `Metadata of ${topic}`, topic)
      return 1
    }
    producers.retire([{ topic: 'a', partition: 0 }])
    await vi.waitFor(() => expect(markers(kafka)).toEqual([undefined, 'abort']), WITHIN)
    expect(isEnding()).toBe(2)
    expect(log.lastStable).toBe(log.end)
    await vi.waitFor(() => expect(instance.retries.problems).toEqual([]), WITHIN)
  })

  it('is never used for another transaction', async () => {
    const { kafka, producers, times } = producing()
    for (let count = 0; count < 3; count++) {
      await (await producers.current()).write(batch())
      producers.retire()
    }
    await times('InitProducerId', 3 + 3)
    for (const id of ['app-one.0', 'app-one.1', 'app-one.2']) {
      const requests = kafka.history.filter((request) => request.endsWith(id))
      expect(requests).toEqual([
        `InitProducerId ${id}`,
        `AddPartitionsToTxn ${id}`,
        `Produce ${id}`,
        `InitProducerId ${id}`,
      ])
    }
  })

  it('is left to its timeout if the user may no longer use it', async () => {
    const { kafka, instance, producers, times } = producing()
    await (await producers.current()).write(batch())
    kafka.faults['InitProducerId app-one.0'] = [53]
    producers.retire()
    await times('InitProducerId app-one.0', 2)
    await kafka.clock.yieldToEventLoop()
    expect(kafka.clock.waits).toEqual([])
    expect(instance.retried).toEqual([])
  })

  it('is left to its timeout when the log is closed', async () => {
    const { kafka, instance, producers } = producing()
    await (await producers.current()).write(batch())
    kafka.onRequest = () => {
      kafka.faults['InitProducerId app-one.0'] = ['request lost'] // each of them
    }
    producers.retire()
    await vi.waitFor(() => expect(instance.retried.length).toBeGreaterThan(0), WITHIN)
    kafka.closing.abort()
    await vi.waitFor(() => expect(instance.retries.problems).toEqual([]), WITHIN)
    const { length } = kafka.history
    for (let turn = 0; turn < 10; turn++) await kafka.clock.yieldToEventLoop()
    expect(kafka.history).toHaveLength(length)
  })
})
