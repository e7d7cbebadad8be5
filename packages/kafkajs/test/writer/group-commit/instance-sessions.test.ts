import type { JoineryError } from '@joinery/core'
import type { TaskSession, TaskWork } from '@joinery/core/log'
import { describe, expect, it, vi } from 'vitest'
import { ProtocolError } from '../../../src/protocol/protocol-error.js'
import { InstanceSessions } from '../../../src/writer/group-commit/instance-sessions.js'
import { transactionalIdHeader } from '../../../src/writer/group-commit/transactional-id-header.js'
import { TransactionalProducer } from '../../../src/writer/transactional-producer.js'
import { decodeAll } from '../../protocol/record-batch/decode.js'
import { PRODUCER_ID, ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'
import { DELIVERY_TIMEOUT_MS, ScriptedInstance } from './scripted-instance.js'

const HELD_UP_MS = 1_000
const READABLE_MS = 30_000
const WITHIN = { timeout: 10_000 }

const sessionsOf = (kafka: ScriptedKafka, name = 'one') => {
  const instance = new ScriptedInstance(kafka, name)
  return { instance, sessions: new InstanceSessions(kafka.cluster, kafka.source, instance.options) }
}
function opening() {
  const kafka = new ScriptedKafka({ 'app-changelog': 4, out: 4 })
  const place = (task: number) => kafka.log(`app-changelog/${task}`)
  /** A record of a transaction that stays open, as the first one in a changelog. */
  const block = async (id: string, task: number, headers = transactionalIdHeader(id)) => {
    const { options } = new ScriptedInstance(kafka, 'another')
    const producer = await TransactionalProducer.open(kafka.cluster, id, options)
    const record = {
      topic: 'app-changelog',
      partition: task,
      key: Buffer.from('k'),
      value: null,
      timestamp: 0,
      headers,
    }
    await producer.write(toBatches([record], new Map(), new Map([['app-changelog', 1_000]])))
    kafka.history.length = 0
    return producer
  }
  return { kafka, place, block, ...sessionsOf(kafka) }
}
const work = (value: string, task = 0): TaskWork => ({
  outputs: [{ topic: 'out', partition: task, key: null, value: Buffer.from(value), timestamp: 0, headers: [] }],
  changelog: [{ key: Buffer.from('position'), value: Buffer.from(value) }],
  offsets: new Map([['in', 9]]),
})
const outcome = async (session: TaskSession, value: string) => (await session.commit(work(value))).outcome
const values = ({ entries }: ReturnType<ScriptedKafka['log']>) =>
  entries.flatMap(({ bytes, marker }) => (marker === undefined ? decodeAll(bytes).map(({ value }) => value) : []))

describe('opening a task', () => {
  it('commits OWNER, which names the session and the transactional id, and has its offset as token', async () => {
    const { kafka, place, sessions } = opening()
    const session = await sessions.open(2)
    expect(session).toMatchObject({
      token: { topicId: 'id of app-changelog', offset: 0 },
      changelog: { topic: 'app-changelog', partition: 2 },
      openedAt: 1_700_000_000_000,
    })
    expect(kafka.history).toEqual([
      'InitProducerId app-one.0',
      'AddPartitionsToTxn app-one.0',
      'Produce app-one.0',
      'EndTxn app-one.0',
    ])
    const [owner, ...rest] = place(2).committed
    expect(rest).toEqual([])
    // format 1, kind 0; version 2, 16 bytes, the transactional id
    expect(owner?.key).toEqual(Buffer.from([1, 0]))
    expect(owner?.value?.length).toBe(1 + 16 + 'app-one.0'.length)
    expect(owner?.value?.[0]).toBe(2)
    expect(Buffer.from(owner?.value ?? []).toString('latin1', 17)).toBe('app-one.0')
    expect(owner?.headers).toEqual([['joinery-transactional-id', Buffer.from('app-one.0')]])
  })

  it('names another session each time', async () => {
    const { place, sessions } = opening()
    await sessions.open(0)
    await sessions.open(0)
    const [first, second] = values(place(0)).map((value) => Buffer.from(value ?? []).toString('hex', 1, 17))
    expect(first).toHaveLength(32)
    expect(second).not.toBe(first)
  })

  it('takes one transaction for all tasks that open at the same time', async () => {
    const { kafka, sessions } = opening()
    const opened = await Promise.all([0, 1, 2, 3].map((task) => sessions.open(task)))
    expect(opened.map(({ changelog, token }) => [changelog.partition, token.offset])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0],
    ])
    expect([kafka.count('InitProducerId'), kafka.count('EndTxn')]).toEqual([1, 1])
  })

  it('continues under a fresh id if one OWNER is refused: only that task is given up', async () => {
    const { kafka, place, sessions } = opening()
    kafka.refusals['app-changelog/1'] = [87]
    const opened = await Promise.allSettled([0, 1, 2].map((task) => sessions.open(task)))
    expect(opened.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(opened[1]).toMatchObject({ reason: { code: 87 } })
    // the OWNER that is committed names the id that has written it
    const [owner] = place(0).committed
    expect(Buffer.from(owner?.value ?? []).toString('latin1', 17)).toBe('app-one.1')
    expect(owner?.headers).toEqual([['joinery-transactional-id', Buffer.from('app-one.1')]])
  })

  it('does not wait for a task whose changelog has no leader; that one is given up in the end', async () => {
    const { kafka, sessions } = opening()
    kafka.leaderOf = (topic, partition) => {
      if (partition === 1) throw new ProtocolError(5, `Metadata of ${topic}[1]`, topic)
      return 1
    }
    const began = kafka.clock.monotonic()
    const failed = sessions.open(1).catch((error: unknown) => error)
    await Promise.all([sessions.open(0), sessions.open(2)])
    expect(kafka.clock.monotonic() - began).toBeLessThan(DELIVERY_TIMEOUT_MS)
    expect(await failed).toMatchObject({ code: 5 })
  })

  it('is a retriable error if the outcome is unclear; the next attempt has a fresh id', async () => {
    const { kafka, sessions } = opening()
    kafka.faults.EndTxn = [90]
    await expect(sessions.open(0)).rejects.toMatchObject({ code: 90 })
    await sessions.open(0)
    expect(kafka.history.at(-1)).toBe('EndTxn app-one.1')
  })

  it('is a retriable error if the task is opened again meanwhile', async () => {
    const { sessions } = opening()
    const [first, second] = await Promise.allSettled([sessions.open(0), sessions.open(0)])
    expect(first).toMatchObject({
      status: 'rejected',
      reason: { code: 'LOG_FAILED', retriable: true, topic: 'app-changelog', partition: 0 },
    })
    expect(second.status).toBe('fulfilled')
  })

  it('has no token without the id of the changelog, which a broker may not have yet', async () => {
    const { kafka, sessions } = opening()
    kafka.topicCode = 3
    await expect(sessions.open(0)).rejects.toMatchObject({ code: 3, topic: 'app-changelog' })
  })

  it('publishes the offsets of its commits', async () => {
    const { instance, sessions } = opening()
    const session = await sessions.open(0)
    expect(await outcome(session, 'x')).toBe('committed')
    expect(instance.published).toEqual([['app', 0, new Map([['in', 9]])]])
  })
})

describe('a task that is opened again', () => {
  it('by the same instance leaves nothing to the session before', async () => {
    const { kafka, sessions } = opening()
    const before = await sessions.open(0)
    const after = await sessions.open(0)
    expect(await outcome(before, 'x')).toBe('fenced')
    expect(await outcome(after, 'y')).toBe('committed')
    expect(kafka.committed('out/0')).toEqual(['y'])
  })

  it('by another instance is lost to this one at its next commit, its other tasks are not', async () => {
    const { kafka, sessions } = opening()
    const [lost, kept] = await Promise.all([sessions.open(0), sessions.open(1)])
    expect(await outcome(lost, 'x')).toBe('committed')
    const other = sessionsOf(kafka, 'two').sessions
    const taken = await other.open(0)
    const [first, second] = await Promise.all([lost.commit(work('y')), kept.commit(work('z', 1))])
    expect([first.outcome, second.outcome]).toEqual(['fenced', 'committed'])
    // the records that the session before could not commit may end this one, once
    const again = (await outcome(taken, 'v')) === 'committed' ? taken : await other.open(0)
    for (const value of ['w', 'z']) expect(await outcome(again, value)).toBe('committed')
    await vi.waitFor(() => expect(kafka.transactions.ongoing).toEqual([]), WITHIN)
    expect(kafka.committed('out/0').filter((value) => value !== 'v')).toEqual(['x', 'w', 'z'])
    expect(kafka.committed('out/1')).toEqual(['z'])
  })

  it('sees what the session before has committed below its OWNER, whole', async () => {
    const { kafka, place, sessions } = opening()
    const before = await sessions.open(0)
    const other = sessionsOf(kafka, 'two').sessions
    let taking: Promise<TaskSession> | undefined
    kafka.onRequest = (name) => {
      if (name === 'EndTxn') taking ??= other.open(0) // after the check of the session before
    }
    kafka.faults['EndTxn app-one.0'] = ['request lost', 'request lost']
    expect(await outcome(before, 'x')).toBe('committed')
    const after = await (taking as Promise<TaskSession>)
    const { offset } = place(0).committed.find(({ value }) => String(value) === 'x') ?? { offset: -1 }
    expect(offset).toBeGreaterThan(0)
    expect(after.token.offset).toBeGreaterThan(offset)
    expect(kafka.count('Heartbeat of two')).toBe(0) // the wait was too short for a fencing
    expect(await outcome(after, 'y')).toBe('committed')
    expect(kafka.committed('out/0')).toEqual(['x', 'y'])
  })

  it('aborts what the session before cannot end: it is unclear there, and nothing of it is visible', async () => {
    const { kafka, sessions } = opening()
    const before = await sessions.open(0)
    const other = sessionsOf(kafka, 'two').sessions
    let taking: Promise<TaskSession> | undefined
    kafka.onRequest = (name) => {
      if (name === 'EndTxn') taking ??= other.open(0)
    }
    kafka.faults['EndTxn app-one.0'] = Array.from({ length: 1_000 }, () => 'request lost' as const)
    expect(await outcome(before, 'x')).toBe('unclear')
    const after = await (taking as Promise<TaskSession>)
    expect(await outcome(after, 'y')).toBe('committed')
    expect(kafka.committed('out/0')).toEqual(['y'])
  })
})

describe('records that hang in the changelog of a running task', () => {
  const passMs = (kafka: ScriptedKafka, ms: number) =>
    new Promise<void>((resolve) => void kafka.clock.setTimeout(resolve, ms))
  const settled = async (kafka: ScriptedKafka) => {
    for (let turn = 0; turn < 20; turn++) await kafka.clock.yieldToEventLoop()
  }
  /** The task runs, and then another instance leaves a record whose marker is skipped. */
  const hanging = async (id = 'app-two.0') => {
    const opened = opening()
    const { kafka, block, sessions, place } = opened
    const session = await sessions.open(0)
    await block(id, 0)
    kafka.withoutMarkers.add('app-changelog/0')
    kafka.fence(id)
    kafka.withoutMarkers.clear()
    const held = place(0).lastStable
    /** Commits a minute later. */
    const commitLater = async (value: string) => {
      await passMs(kafka, 60_000)
      expect(await outcome(session, value)).toBe('committed')
      await settled(kafka)
    }
    return { ...opened, session, held, commitLater }
  }

  it('are ended once a commit cannot be read after a minute', async () => {
    const { kafka, place, held, commitLater } = await hanging()
    await commitLater('x') // OWNER can be read
    expect(kafka.count('Heartbeat')).toBe(0)
    await commitLater('y')
    expect(kafka.count('InitProducerId app-two.0')).toBe(1)
    expect(place(0).lastStable).toBe(held)
    await commitLater('z')
    expect(place(0).lastStable).toBe(place(0).end)
    expect(kafka.count('Heartbeat')).toBe(2)
    expect(
      place(0)
        .committed.map(({ value }) => String(value))
        .slice(-3),
    ).toEqual(['x', 'y', 'z'])
  })

  it('are looked for once a minute, and not with each commit', async () => {
    const { kafka, place, instance } = opening()
    let looks = 0
    const source = {
      ...kafka.source,
      endOffset: async () => {
        looks++
        return place(0).lastStable
      },
    }
    const session = await new InstanceSessions(kafka.cluster, source, instance.options).open(0)
    looks = 0
    for (let i = 0; i < 10; i++) await outcome(session, `${i}`)
    expect(looks).toBe(0)
    await passMs(kafka, 60_000)
    for (let i = 0; i < 10; i++) await outcome(session, `${i}`)
    await settled(kafka)
    expect(looks).toBe(1)
  })

  it('of another application are reported until the session is closed', async () => {
    const { instance, session, commitLater } = await hanging('other-one.0')
    await commitLater('x')
    await commitLater('y')
    expect(instance.retries.problems).toEqual([
      expect.stringContaining('kafka-transactions.sh --bootstrap-server BROKERS abort'),
    ])
    await session.close()
    expect(instance.retries.problems).toEqual([])
  })
})

describe('a transaction that is open in the changelog', () => {
  it('is waited for', async () => {
    const { kafka, block, sessions } = opening()
    const blocker = await block('app-two.0', 0)
    const opened = sessions.open(0)
    kafka.onRequest = (name, id) => {
      // OWNER is committed, and behind the open transaction
      if (name === 'EndTxn' && id === 'app-one.0') setImmediate(() => setImmediate(() => void blocker.commit()))
    }
    expect((await opened).token.offset).toBe(1)
    expect(kafka.clock.waits.filter((ms) => ms === 5).length).toBeGreaterThan(0)
    expect(kafka.count('Heartbeat')).toBe(0)
  })

  it('is ended once the last stable offset has not moved for a second, after a heartbeat', async () => {
    const { kafka, place, block, sessions } = opening()
    await block('app-two.0', 0)
    const times = new Map<string, number>()
    kafka.onRequest = (name, id) => times.set(`${name} ${id}`, kafka.clock.monotonic())
    const session = await sessions.open(0)
    const standsStill = (times.get('InitProducerId app-two.0') ?? 0) - (times.get('EndTxn app-one.0') ?? 0)
    expect(standsStill).toBeGreaterThanOrEqual(HELD_UP_MS)
    expect(standsStill).toBeLessThan(HELD_UP_MS + 100)
    expect(kafka.history.slice(-3)).toEqual(['Fetch', 'Heartbeat of one', 'InitProducerId app-two.0'])
    expect(session.token.offset).toBe(1)
    expect(place(0).committed).toHaveLength(1) // OWNER
  })

  const blockAll = async (kafka: ScriptedKafka) => {
    const { options } = new ScriptedInstance(kafka, 'another')
    const producer = await TransactionalProducer.open(kafka.cluster, 'app-two.0', options)
    const records = [0, 1, 2].map((partition) => ({
      topic: 'app-changelog',
      partition,
      key: Buffer.from('k'),
      value: null,
      timestamp: 0,
      headers: transactionalIdHeader('app-two.0'),
    }))
    await producer.write(toBatches(records, new Map(), new Map([['app-changelog', 1_000]])))
    kafka.history.length = 0
  }

  it('is ended once for all tasks that it holds up', async () => {
    const { kafka, sessions } = opening()
    await blockAll(kafka)
    kafka.faults['InitProducerId app-two.0'] = Array.from({ length: 20 }, () => 51) // it takes a while
    await Promise.all([0, 1, 2].map((task) => sessions.open(task)))
    expect([kafka.count('InitProducerId app-two.0'), kafka.count('Heartbeat')]).toEqual([21, 1])
  })

  it('is ended for each task whose marker was skipped, one after the other', async () => {
    const { kafka, instance, place, sessions } = opening()
    await blockAll(kafka)
    for (const task of [0, 1, 2]) kafka.withoutMarkers.add(`app-changelog/${task}`)
    kafka.onRequest = (name, id) => {
      if (name === 'EndTxn' && id === 'app-one.0') {
        kafka.withoutMarkers.clear()
        kafka.faults['AddPartitionsToTxn app-two.0'] = Array.from({ length: 20 }, () => 51)
      }
      if (name === 'InitProducerId' && id === 'app-two.0' && kafka.count('InitProducerId app-two.0') === 1)
        for (const task of [0, 1, 2]) kafka.withoutMarkers.add(`app-changelog/${task}`)
      if (name === 'AddPartitionsToTxn' && id === 'app-two.0') kafka.withoutMarkers.clear()
    }
    await Promise.all([0, 1, 2].map((task) => sessions.open(task)))
    for (const task of [0, 1, 2]) expect(place(task).lastStable).toBe(place(task).end)
    expect(instance.retried).toEqual([])
    expect(kafka.count('EndTxn(abort) app-two.0')).toBe(3)
  })

  it('is not ended while the last stable offset advances', async () => {
    const { kafka, place, block, instance } = opening()
    const first = await block('app-two.0', 0)
    const second = await block('app-three.0', 0)
    const ends = [
      { ms: 0.6 * HELD_UP_MS, producer: first },
      { ms: 1.2 * HELD_UP_MS, producer: second },
    ]
    const began = kafka.clock.monotonic()
    const source = {
      ...kafka.source,
      endOffset: async () => {
        const next = ends[0]
        if (next !== undefined && kafka.clock.monotonic() - began >= next.ms) {
          ends.shift()
          await next.producer.commit()
        }
        return place(0).lastStable
      },
    }
    await new InstanceSessions(kafka.cluster, source, instance.options).open(0)
    expect(kafka.clock.monotonic() - began).toBeGreaterThan(HELD_UP_MS)
    expect(ends).toEqual([])
    expect(kafka.count('Heartbeat')).toBe(0)
  })

  it('is not ended by a stale member, which retries each second', async () => {
    const { kafka, instance, block, sessions } = opening()
    await block('app-two.0', 0)
    let heartbeats = 0
    instance.isMember = () => ++heartbeats === 3 // it has joined again
    await sessions.open(0)
    expect(kafka.count('InitProducerId app-two.0')).toBe(1)
    expect(instance.retried.map(({ code }) => code)).toEqual(['TASK_LOST', 'TASK_LOST'])
    expect(instance.retries.problems).toEqual([])
  })

  it('of another application is reported with the command that ends it, until it has ended', async () => {
    const { kafka, place, instance, block } = opening()
    const blocker = await block('other-one.0', 0)
    const reported: JoineryError[] = instance.retried
    let problems: readonly string[] = []
    const source = {
      ...kafka.source,
      endOffset: async () => {
        if (reported.length === 2) {
          problems = instance.retries.problems
          await blocker.commit()
        }
        return place(0).lastStable
      },
    }
    await new InstanceSessions(kafka.cluster, source, instance.options).open(0)
    expect(kafka.count('InitProducerId other-one.0')).toBe(0)
    expect(reported).toHaveLength(2)
    expect(reported[0]).toMatchObject({
      topic: 'app-changelog',
      partition: 0,
      offset: 0,
      message: expect.stringContaining(
        `a transaction of producer ${PRODUCER_ID}, which is not of this application, holds up app-changelog[0] from offset 0`,
      ),
    })
    expect(problems).toEqual([
      expect.stringContaining(
        'kafka-transactions.sh --bootstrap-server BROKERS abort --topic app-changelog --partition 0',
      ),
    ])
    expect(instance.retries.problems).toEqual([])
  })

  it('whose marker was skipped is ended by another transaction of its id', async () => {
    const { kafka, place, block, sessions } = opening()
    await block('app-two.0', 0)
    kafka.withoutMarkers.add('app-changelog/0')
    kafka.onRequest = (name) => {
      if (name === 'AddPartitionsToTxn' && kafka.count('InitProducerId app-two.0') > 0) kafka.withoutMarkers.clear()
      if (name === 'EndTxn' && kafka.count('InitProducerId app-two.0') === 0) kafka.withoutMarkers.clear()
      if (name === 'InitProducerId' && kafka.count('AddPartitionsToTxn') > 0)
        kafka.withoutMarkers.add('app-changelog/0')
    }
    await sessions.open(0)
    expect(kafka.history.slice(4)).toEqual([
      'Fetch',
      'Heartbeat of one',
      'InitProducerId app-two.0',
      'Fetch',
      'Heartbeat of one',
      'InitProducerId app-two.0',
      'AddPartitionsToTxn app-two.0',
      'EndTxn(abort) app-two.0',
    ])
    expect(place(0).committed).toHaveLength(1)
  })

  it('is not waited for forever', async () => {
    const { kafka, instance, block, sessions } = opening()
    await block('other-one.0', 0)
    const began = kafka.clock.monotonic()
    await expect(sessions.open(0)).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      topic: 'app-changelog',
      partition: 0,
      offset: 1,
      message: expect.stringContaining(
        'the last stable offset of app-changelog[0] does not advance beyond 1: look for a hanging transaction',
      ),
    })
    expect(kafka.clock.monotonic() - began).toBeGreaterThanOrEqual(READABLE_MS)
    expect(kafka.clock.monotonic() - began).toBeLessThan(READABLE_MS + 100)
    expect(instance.retries.problems).toEqual([])
  })
})
