import type { NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/writer/buffer-pool.js'
import { EncodedOutputs } from '../../src/writer/encoded-outputs.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { ScriptedKafka } from './scripted-kafka.js'

const record = (topic: string, value: string): NewRecord => ({
  topic,
  key: null,
  value: Buffer.from(value),
  timestamp: 0,
  headers: [],
})
const texts = (outputs: EncodedOutputs): string[] => outputs.unencoded.map(({ value }) => String(value))
const encoded = (outputs: EncodedOutputs) =>
  outputs.accumulator.batches.map(({ topic, builder }) => [topic, builder.count])
const topicsWith = (...names: readonly string[]): OutputTopics => {
  const topics = new OutputTopics(new ScriptedKafka({}).cluster)
  for (const topic of names) topics.add({ topic, partitions: 1, maxMessageBytes: 1_000 })
  return topics
}

describe('outputs', () => {
  it('for a known topic are encoded at once', () => {
    const outputs = new EncodedOutputs(topicsWith('known'))
    for (const value of ['1', '2']) outputs.add(record('known', value))
    expect(encoded(outputs)).toEqual([['known', 2]])
    expect(texts(outputs)).toEqual([])
  })

  it('for a topic that was not looked up yet are kept in their order', () => {
    const outputs = new EncodedOutputs(topicsWith('known'))
    for (const value of ['1', '2']) outputs.add(record('new', value))
    outputs.add(record('known', '3'))
    expect(texts(outputs)).toEqual(['1', '2'])
    expect(encoded(outputs)).toEqual([['known', 1]])
  })

  it('for a topic that is looked up meanwhile do not overtake earlier ones', () => {
    const topics = topicsWith()
    const outputs = new EncodedOutputs(topics)
    outputs.add(record('new', '1'))
    topics.add({ topic: 'new', partitions: 1, maxMessageBytes: 1_000 })
    outputs.add(record('new', '2'))
    expect(texts(outputs)).toEqual(['1', '2'])
    expect(encoded(outputs)).toEqual([])
    const later = new EncodedOutputs(topics)
    later.add(record('new', '3'))
    expect(encoded(later)).toEqual([['new', 1]])
  })

  it('are encoded into buffers of the pool', () => {
    const pool = new BufferPool()
    const buffer = Buffer.alloc(16_384)
    pool.release(buffer)
    const outputs = new EncodedOutputs(topicsWith('known'), pool)
    outputs.add(record('known', '1'))
    expect(outputs.accumulator.batches[0]?.builder.buffer).toBe(buffer)
  })
})
