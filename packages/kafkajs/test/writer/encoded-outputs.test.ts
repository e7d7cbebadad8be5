import type { NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { EncodedOutputs } from '../../src/writer/encoded-outputs.js'
import type { TopicFacts } from '../../src/writer/sealed-batches.js'
import { SpareBuffers } from '../../src/writer/spare-buffers.js'

const FACTS: TopicFacts = { partitions: 1, maxBytes: 1_000 }
const record = (topic: string, value: string): NewRecord => ({
  topic,
  key: null,
  value: Buffer.from(value),
  timestamp: 0,
  headers: [],
})
const texts = (outputs: EncodedOutputs): string[] => outputs.rest.map(({ value }) => String(value))
const encoded = (outputs: EncodedOutputs) => outputs.batches.all.map(({ topic, builder }) => [topic, builder.count])

describe('outputs', () => {
  it('of a known topic are encoded at once', () => {
    const outputs = new EncodedOutputs(new Map([['known', FACTS]]))
    for (const value of ['1', '2']) outputs.add(record('known', value))
    expect(encoded(outputs)).toEqual([['known', 2]])
    expect(texts(outputs)).toEqual([])
  })

  it('of a topic that nobody knows yet wait in their order', () => {
    const outputs = new EncodedOutputs(new Map([['known', FACTS]]))
    for (const value of ['1', '2']) outputs.add(record('new', value))
    outputs.add(record('known', '3'))
    expect(texts(outputs)).toEqual(['1', '2'])
    expect(encoded(outputs)).toEqual([['known', 1]])
  })

  it('of a topic that becomes known meanwhile do not pass those that wait', () => {
    const facts = new Map<string, TopicFacts>()
    const outputs = new EncodedOutputs(facts)
    outputs.add(record('new', '1'))
    facts.set('new', FACTS)
    outputs.add(record('new', '2'))
    expect(texts(outputs)).toEqual(['1', '2'])
    expect(encoded(outputs)).toEqual([])
    const later = new EncodedOutputs(facts)
    later.add(record('new', '3'))
    expect(encoded(later)).toEqual([['new', 1]])
  })

  it('are written into spare buffers', () => {
    const spare = new SpareBuffers()
    const buffer = Buffer.alloc(16_384)
    spare.give(buffer)
    const outputs = new EncodedOutputs(new Map([['known', FACTS]]), spare)
    outputs.add(record('known', '1'))
    expect(outputs.batches.all[0]?.builder.buffer).toBe(buffer)
  })
})
