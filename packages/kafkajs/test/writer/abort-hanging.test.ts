import { describe, expect, it } from 'vitest'
import { abortHanging } from '../../src/writer/abort-hanging.js'
import { TransactionalProducer } from '../../src/writer/transactional-producer.js'
import { ScriptedInstance } from './group-commit/scripted-instance.js'
import { ScriptedKafka } from './scripted-kafka.js'
import { toBatches } from './to-batches.js'

const ID = 'app-two.0'
const PLACES = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 1 },
  { topic: 'b', partition: 0 },
]

describe.each([{ version: 1 }, { version: 2 }])('records that a skipped marker has left open (%j)', (protocol) => {
  it('are ended by a transaction without records: nothing of them becomes visible', async () => {
    const kafka = new ScriptedKafka({ a: 2, b: 1 })
    kafka.transactionVersion = async () => protocol.version
    const { options } = new ScriptedInstance(kafka)
    const producer = await TransactionalProducer.open(kafka.cluster, ID, options)
    const records = PLACES.map((place) => ({ ...place, key: null, value: null, timestamp: 0, headers: [] }))
    const sizes = new Map(PLACES.map(({ topic }) => [topic, 1_000]))
    await producer.write(toBatches(records, new Map(), sizes))
    const logs = PLACES.map(({ topic, partition }) => kafka.log(`${topic}/${partition}`))
    for (const { topic, partition } of PLACES) kafka.withoutMarkers.add(`${topic}/${partition}`)
    await TransactionalProducer.open(kafka.cluster, ID, options)
    expect(logs.map(({ lastStable }) => lastStable)).toEqual([0, 0, 0])
    kafka.withoutMarkers.clear()
    kafka.requests.length = 0
    await abortHanging(kafka.cluster, ID, PLACES, options)
    // partitions can be added without records only in the first version of the protocol
    expect(kafka.requests).toEqual(['InitProducerId 5', 'AddPartitionsToTxn 3', 'EndTxn 4'])
    expect(kafka.history.at(-1)).toBe(`EndTxn(abort) ${ID}`)
    for (const log of logs) {
      expect(log.lastStable).toBe(log.end)
      expect(log.entries.map(({ marker }) => marker)).toEqual([undefined, 'abort'])
      expect(log.committed).toEqual([])
    }
  })
})
