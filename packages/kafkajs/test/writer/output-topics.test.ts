import { JoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { ReplicaNotices } from '../../src/writer/replica-notices.js'
import { ScriptedKafka } from './scripted-kafka.js'

function topics() {
  const kafka = new ScriptedKafka({ a: 2, b: 3 })
  let counted = 0
  const { partitionsOf } = kafka
  kafka.partitionsOf = (topic) => {
    counted++
    return partitionsOf(topic)
  }
  const notices: JoineryError[] = []
  const replicaNotices = new ReplicaNotices((notice) => notices.push(notice))
  return { kafka, notices, topics: new OutputTopics(kafka.cluster, replicaNotices), counted: () => counted }
}

describe('output topics', () => {
  it('are looked up once', async () => {
    const { kafka, topics: known, counted } = topics()
    await known.lookUp(['a'])
    await known.lookUp(['a', 'b'])
    await known.lookUp(['b', 'a'])
    expect(known.get('a')).toEqual({ partitions: 2, maxMessageBytes: 1_000 })
    expect(known.get('b')).toEqual({ partitions: 3, maxMessageBytes: 1_000 })
    expect(counted()).toBe(2)
    expect(kafka.described).toEqual([['a'], ['b']])
  })

  it('are not looked up if they were described elsewhere', async () => {
    const { kafka, topics: known, counted } = topics()
    known.add({ topic: 'a', partitions: 7, maxMessageBytes: 70 })
    await known.lookUp(['a'])
    expect(known.get('a')).toEqual({ partitions: 7, maxMessageBytes: 70 })
    expect([counted(), kafka.described]).toEqual([0, []])
  })

  it('without partitions share only the sizes, including those that are looked up later', async () => {
    const { kafka, topics: known, counted } = topics()
    known.add({ topic: 'a', partitions: 7, maxMessageBytes: 70 })
    const other = known.withoutPartitions()
    expect(other.get('a')).toBeUndefined()
    await other.lookUp(['a', 'b'])
    expect(other.get('a')).toEqual({ partitions: 2, maxMessageBytes: 70 })
    expect(known.get('b')).toBeUndefined()
    await known.lookUp(['b'])
    expect(counted()).toBe(3)
    expect(kafka.described).toEqual([['b']])
  })

  it('that were not looked up are unknown', () => {
    expect(topics().topics.get('a')).toBeUndefined()
  })

  it.each([
    [3, { code: 'TOPIC_MISSING', message: expect.stringContaining('topic x does not exist: create it') }],
    [29, { code: 'NOT_AUTHORIZED', message: expect.stringContaining('write to topic x') }],
  ])('may be missing or forbidden: code %i', async (code, expected) => {
    const { kafka, topics: known } = topics()
    kafka.partitionsOf = () => Promise.reject(new ProtocolError(code, 'Metadata of x'))
    await expect(known.lookUp(['x'])).rejects.toMatchObject({ ...expected, topic: 'x' })
    const cut = new JoineryError('LOG_FAILED', 'no broker', { retriable: true })
    kafka.partitionsOf = () => Promise.reject(cut)
    await expect(known.lookUp(['x'])).rejects.toBe(cut)
  })
})

describe('an output that lacks replicas', () => {
  const described = { topic: 'c', partitions: 1, maxMessageBytes: 1, lacksReplicas: true }

  it('is reported with the tool that adds some', async () => {
    const { notices, topics: known } = topics()
    known.add(described)
    expect(notices).toMatchObject([
      {
        code: 'TOPIC_UNSUITABLE',
        topic: 'c',
        retriable: false,
        message: expect.stringMatching(/topic c has a single replica.*kafka-reassign-partitions\.sh/),
      },
    ])
  })

  it('is reported once, whether it is described or looked up, and by whichever copy', async () => {
    const { kafka, notices, topics: known } = topics()
    kafka.lacksReplicas = async (topic) => topic === 'a'
    known.add(described)
    known.add(described)
    await known.lookUp(['a', 'b'])
    await known.lookUp(['a', 'c'])
    await known.withoutPartitions().lookUp(['a', 'b'])
    expect(notices.map(({ topic }) => topic)).toEqual(['c', 'a'])
  })

  it('is written to nevertheless', async () => {
    const { kafka, topics: known } = topics()
    kafka.lacksReplicas = async () => true
    await known.lookUp(['a'])
    expect(known.get('a')).toEqual({ partitions: 2, maxMessageBytes: 1_000 })
  })
})
