import { JoineryError, type NewRecord } from '@joinery/core'
import type { TaskWork } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/protocol/protocol-error.js'
import type { EncodedOutputs } from '../../../src/writer/encoded-outputs.js'
import { InstanceSessions } from '../../../src/writer/group-commit/instance-sessions.js'
import type { KafkaSession } from '../../../src/writer/group-commit/kafka-session.js'
import { decodeAll } from '../../protocol/record-batch/decode.js'
import { type ApiName, type Fault, ScriptedKafka } from '../scripted-kafka.js'
import { ScriptedInstance } from './scripted-instance.js'

const CHANGELOG = 'app-changelog/0'
const output = (partition: number): NewRecord => ({
  topic: 'out',
  partition,
  key: null,
  value: Buffer.from('v'),
  timestamp: 5,
  headers: [],
})
const work = (): TaskWork => ({
  outputs: [output(0), output(1), output(0)],
  changelog: [
    { key: Buffer.from('waiter'), value: null },
    { key: Buffer.from('position'), value: Buffer.from('p') },
  ],
  offsets: new Map([['in', 9]]),
})

/** A session, whose OWNER lies at 0. */
async function open({ version = 1 } = {}) {
  const kafka = new ScriptedKafka({ out: 2, 'app-changelog': 1 })
  kafka.transactionVersion = async () => version
  const instance = new ScriptedInstance(kafka)
  const sessions = new InstanceSessions(kafka.cluster, kafka.source, instance.options)
  const session = (await sessions.open(0)) as KafkaSession
  const sent = kafka.sent.length
  kafka.requests.length = 0
  kafka.history.length = 0
  /** The batches of a place that commits have written. */
  const batchesAt = (place: string) => kafka.sent.slice(sent).filter((batch) => batch.place === place)
  return { kafka, session, batchesAt, published: instance.published }
}

describe('a commit', () => {
  it('adds partitions, writes and ends, in this order, and returns the offset of its last changelog record', async () => {
    const { kafka, session, published } = await open()
    // OWNER, its marker, two records, a marker, two records
    expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 3 })
    expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 6 })
    expect(kafka.requests).toEqual([
      'AddPartitionsToTxn 3',
      'Produce 11',
      'EndTxn 4',
      'AddPartitionsToTxn 3',
      'Produce 11',
      'EndTxn 4',
    ])
    expect([kafka.written('out/0'), kafka.written('out/1'), kafka.written(CHANGELOG)]).toEqual([4, 2, 1 + 4])
    const offsets = ['app', 0, new Map([['in', 9]])]
    expect(published).toEqual([offsets, offsets])
  })

  it('starts a new epoch, and new sequence numbers, with each transaction if the brokers have KIP-890 part 2', async () => {
    const { kafka, session, batchesAt } = await open({ version: 2 })
    for (const changelogOffset of [3, 6, 9])
      expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset })
    expect(kafka.requests.slice(0, 2)).toEqual(['Produce 12', 'EndTxn 5'])
    // OWNER was written in epoch 0
    expect(batchesAt(CHANGELOG).map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ])
  })

  it('keeps its epoch, and continues its sequence, with older brokers', async () => {
    const { session, batchesAt } = await open()
    for (let i = 0; i < 3; i++) await session.commit(work())
    // OWNER has the sequence number 0
    expect(batchesAt(CHANGELOG).map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
      [0, 1],
      [0, 3],
      [0, 5],
    ])
  })

  it('after closing sends nothing', async () => {
    const { kafka, session } = await open()
    await session.close()
    await session.close()
    expect(await session.commit(work())).toEqual({ outcome: 'rejected' })
    expect(kafka.requests).toEqual([])
  })
})

type Case = readonly [api: ApiName, fault: Fault, expected: string]
const CASES: readonly Case[] = [
  // before EndTxn was sent nothing can have been committed: it is written again under a fresh transactional id
  ...[47, 48, 49, 52, 90, 120].flatMap((code): Case[] => [
    ['AddPartitionsToTxn', code, 'committed'],
    ['Produce', code, 'committed'],
    // after that, it may have been
    ['EndTxn', code, 'unclear'],
  ]),
  // the records themselves are refused
  ['AddPartitionsToTxn', -1, 'rejected'],
  ...[2, 32, 45, 87, -1].map((code): Case => ['Produce', code, 'rejected']),
  // sent again with the same bytes, nothing is written twice
  ...[3, 14, 15, 16, 51, 'request lost', 'response lost'].map(
    (fault): Case => ['AddPartitionsToTxn', fault as Fault, 'committed'],
  ),
  ...[3, 6, 7, 19, 51, 'request lost', 'response lost'].map((fault): Case => ['Produce', fault as Fault, 'committed']),
  // however often EndTxn arrives, it ends the transaction once
  ...[14, 15, 16, 51, 'request lost', 'response lost'].map((fault): Case => ['EndTxn', fault as Fault, 'committed']),
  // the outcome is unknown
  ...(['response cut', -1] as const).map((fault): Case => ['EndTxn', fault, 'unclear']),
  // a new session does not help
  ...[29, 31, 53].map((code): Case => ['AddPartitionsToTxn', code, 'NOT_AUTHORIZED']),
  ['Produce', 29, 'NOT_AUTHORIZED'],
  ['EndTxn', 53, 'NOT_AUTHORIZED'],
  ['Produce', 10, 'RECORD_TOO_LARGE'],
  ['Produce', 18, 'RECORD_TOO_LARGE'],
]

describe.each([{ version: 1 }, { version: 2 }])('the outcome (transaction.version $version)', (protocol) => {
  const cases = CASES.filter(([api]) => !(protocol.version === 2 && api === 'AddPartitionsToTxn'))

  it.each(cases)('of %s with %s is %s', async (api, fault, expected) => {
    const { kafka, session, published } = await open(protocol)
    kafka.faults[api] = [fault]
    const outcome = await session.commit(work()).then(
      (result) => result.outcome,
      (error: { readonly code: string }) => error.code,
    )
    expect(outcome).toBe(expected)
    const isCommitted = expected === 'committed'
    expect(kafka.committed('out/0')).toEqual(isCommitted || fault === 'response cut' ? ['v', 'v'] : [])
    expect(published).toHaveLength(isCommitted ? 1 : 0)
    if (isCommitted) {
      expect(await session.commit(work())).toMatchObject({ outcome: 'committed' })
      return
    }
    // anything else ends the session
    const produced = kafka.count('Produce')
    expect(await session.commit(work())).toEqual({ outcome: 'rejected' })
    expect(kafka.count('Produce')).toBe(produced)
    expect(kafka.count('EndTxn')).toBe(api === 'EndTxn' ? 1 : 0)
  })

  it('is fenced when another owner has begun', async () => {
    const { kafka, session, published } = await open(protocol)
    await session.commit(work())
    const another = new ScriptedInstance(kafka, 'two')
    await new InstanceSessions(kafka.cluster, kafka.source, another.options).open(0)
    expect(await session.commit(work())).toEqual({ outcome: 'fenced' })
    expect(kafka.committed('out/0')).toEqual(['v', 'v'])
    expect(published).toHaveLength(1)
  })
})

describe('a session', () => {
  it('looks up each topic once', async () => {
    const { kafka, session } = await open()
    let counted = 0
    const { partitionsOf } = kafka
    kafka.partitionsOf = (topic) => {
      counted++
      return partitionsOf(topic)
    }
    await session.commit(work())
    await session.commit(work())
    expect(counted).toBe(1) // the changelog is known since the session was opened
    expect(kafka.described).toEqual([['app-changelog'], ['out']])
  })

  it('writes changelog records as they are, with the time of the commit', async () => {
    const { kafka, session, batchesAt } = await open()
    await session.commit({ ...work(), outputs: [] })
    const [sent] = batchesAt(CHANGELOG)
    const headers = [['joinery-transactional-id', Buffer.from('app-one.0')]]
    expect(decodeAll(Buffer.from(sent?.bytes ?? '', 'hex'))).toMatchObject([
      { key: Buffer.from('waiter'), value: null, timestamp: kafka.clock.now(), headers },
      { key: Buffer.from('position'), value: Buffer.from('p'), timestamp: kafka.clock.now(), headers: [] },
    ])
  })

  it('creates no batch that is larger than its topic allows', async () => {
    const { session, batchesAt } = await open()
    const large = { ...output(0), value: Buffer.alloc(600) }
    await session.commit({ ...work(), outputs: [large, large] })
    expect(batchesAt('out/0').map(({ count }) => count)).toEqual([1, 1])
  })

  it('writes outputs that were encoded already before the others of their partition', async () => {
    const { session, batchesAt } = await open()
    await session.commit(work())
    const buffered = session.buffer()
    buffered.add({ ...output(1), value: Buffer.from('early') })
    await session.commit({ ...work(), buffered, outputs: [{ ...output(1), value: Buffer.from('late') }] })
    const bytes = Buffer.from(batchesAt('out/1').at(-1)?.bytes ?? '', 'hex')
    expect(bytes.indexOf('early')).toBeGreaterThan(0)
    expect(bytes.indexOf('late')).toBeGreaterThan(bytes.indexOf('early'))
  })

  it('reuses the buffers of acknowledged batches, never those that are being sent', async () => {
    const { session } = await open()
    await session.commit(work())
    const filled = () => {
      const outputs = session.buffer() as EncodedOutputs
      for (const partition of [0, 1]) outputs.add(output(partition))
      return { outputs, bytes: outputs.accumulator.batches.map(({ builder }) => builder.buffer) }
    }
    const first = filled()
    const commit = session.commit({ ...work(), buffered: first.outputs })
    const second = filled()
    expect(second.bytes.filter((buffer) => first.bytes.includes(buffer))).toEqual([])
    await commit
    const later = [filled(), filled()].flatMap(({ bytes }) => bytes)
    expect(later).toEqual(expect.arrayContaining(first.bytes))
  })

  it('refuses a buffer of another class, whose records would be lost', async () => {
    const { kafka, session } = await open()
    await expect(session.commit({ ...work(), buffered: { add: () => {} } })).rejects.toThrow(TypeError)
    expect(kafka.requests).toEqual([])
  })

  it('writes its OWNER again if there is nothing else for the changelog', async () => {
    const { kafka, session } = await open()
    expect(await session.commit({ ...work(), changelog: [] })).toEqual({ outcome: 'committed', changelogOffset: 2 })
    const [first, again] = kafka.committed(CHANGELOG)
    expect(again).toEqual(first)
  })

  it('of outputs only is not fenced by its own OWNER when it is written again under a fresh id', async () => {
    const { kafka, session } = await open()
    kafka.faults.Produce = ['response lost', 47] // written, and then fenced
    expect(await session.commit({ ...work(), changelog: [] })).toMatchObject({ outcome: 'committed' })
    expect(kafka.count('EndTxn app-one.1')).toBe(1)
    expect(kafka.committed('out/0')).toHaveLength(2)
  })

  it('that has been superseded commits nothing, not even outputs alone', async () => {
    const { kafka, session } = await open()
    const other = new ScriptedInstance(kafka, 'two')
    await new InstanceSessions(kafka.cluster, kafka.source, other.options).open(0)
    expect(await session.commit({ ...work(), changelog: [] })).toMatchObject({ outcome: 'fenced' })
    expect(kafka.committed('out/0')).toEqual([])
  })
})

describe('a fatal error', () => {
  it('names the topic with the error, not one that was not attempted because of it', async () => {
    const { kafka, session } = await open()
    kafka.faults.AddPartitionsToTxn = [29]
    await expect(session.commit(work())).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'out' })
  })

  it('names a topic that does not exist', async () => {
    const { kafka, session } = await open()
    await expect(session.commit({ ...work(), outputs: [{ ...output(0), topic: 'nowhere' }] })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'nowhere',
      message: expect.stringContaining('topic nowhere does not exist: create it'),
    })
    expect(kafka.requests).toEqual([])
  })

  it('names a changelog that was deleted, and does not advise to create it', async () => {
    const { kafka, session } = await open()
    kafka.refusals[CHANGELOG] = Array.from({ length: 10_000 }, () => 3)
    await expect(session.commit({ ...work(), outputs: [] })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'app-changelog',
      message: expect.stringContaining('app-changelog no longer exists, and the state in it is lost: start'),
    })
  })

  it('names a topic that is forbidden', async () => {
    const { kafka, session } = await open()
    kafka.partitionsOf = () => Promise.reject(new ProtocolError(29, 'Metadata of out'))
    await expect(session.commit(work())).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      topic: 'out',
      message: expect.stringContaining('write to topic out (TOPIC_AUTHORIZATION_FAILED)'),
    })
  })

  it('is none if a topic could not be looked up', async () => {
    const { kafka, session } = await open()
    const cause = new JoineryError('LOG_FAILED', 'no broker', { retriable: true })
    kafka.partitionsOf = () => Promise.reject(cause)
    expect(await session.commit(work())).toEqual({ outcome: 'rejected', cause })
  })

  it('names a topic that stays unknown if partitions have to be added first', async () => {
    const { kafka, session } = await open()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 1_000 }, () => 3)
    await expect(session.commit(work())).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'out' })
  })
})
