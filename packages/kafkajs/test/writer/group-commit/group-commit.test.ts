import type { NewRecord } from '@joinery/core'
import type { ChangelogRecord } from '@joinery/core/log'
import { ownerRecord } from '@joinery/core/log'
import { describe, expect, it, vi } from 'vitest'
import { ProtocolError } from '../../../src/protocol/protocol-error.js'
import { ChangelogOwnership } from '../../../src/writer/group-commit/changelog-ownership.js'
import { GroupCommit } from '../../../src/writer/group-commit/group-commit.js'
import { InstanceProducers } from '../../../src/writer/group-commit/instance-producers.js'
import type { PartResult, TransactionPart } from '../../../src/writer/group-commit/transaction-part.js'
import type { TransactionTimes } from '../../../src/writer/transaction-size.js'
import { TransactionalProducer } from '../../../src/writer/transactional-producer.js'
import { type ApiName, type Fault, PRODUCER_ID, ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'
import { DELIVERY_TIMEOUT_MS, ScriptedInstance, TRANSACTION_TIMEOUT_MS } from './scripted-instance.js'

const { key: OWNER_KEY } = ownerRecord({ session: new Uint8Array(), transactionalId: '' })
const TOPICS = { out: 4, 'app-changelog': 4 }
const MAX_BYTES = 1_000
const WITHIN = { timeout: 10_000 }

interface Work {
  /** The partition of `out`; default: that of the task. */
  readonly to?: number
  readonly isSuperseded?: () => boolean
  /** Its stated size; default: a few bytes. */
  readonly bytes?: number
}

/** A session of a task. */
class ScriptedTask {
  readonly task: number
  readonly ownership: ChangelogOwnership
  readonly #groupCommit: GroupCommit

  constructor(kafka: ScriptedKafka, groupCommit: GroupCommit, task: number) {
    this.task = task
    this.#groupCommit = groupCommit
    this.ownership = new ChangelogOwnership(kafka.cluster, this.changelog, {
      session: Buffer.alloc(16, task + 1),
      timeoutMs: DELIVERY_TIMEOUT_MS,
    })
  }

  get changelog() {
    return { topic: 'app-changelog', partition: this.task }
  }

  /** Commits a record to `out` and one to the changelog. */
  commit(value: string, work: Work = {}): Promise<PartResult> {
    return this.#groupCommit.submit(this.part(value, work))
  }

  /** Commits OWNER. */
  open(): Promise<PartResult> {
    const owner = { key: OWNER_KEY, value: Buffer.from('OWNER') }
    return this.#groupCommit.submit({ ...this.part('OWNER', {}), outputs: [], changelogRecords: () => [owner] })
  }

  part(value: string, { to = this.task, isSuperseded = () => false, bytes = 10 }: Work): TransactionPart {
    const output: NewRecord = {
      topic: 'out',
      partition: to,
      key: null,
      value: Buffer.from(value),
      timestamp: 0,
      headers: [],
    }
    const change: ChangelogRecord = { key: Buffer.from('position'), value: Buffer.from(value) }
    return {
      changelog: this.changelog,
      ownership: this.ownership,
      outputs: toBatches([output], new Map([['out', 4]]), new Map([['out', MAX_BYTES]])),
      bytes,
      changelogRecords: () => [change],
      isSuperseded,
    }
  }
}

function committing({ version = 1, name = 'one', kafka = new ScriptedKafka(TOPICS) } = {}) {
  kafka.transactionVersion = async () => version
  const instance = new ScriptedInstance(kafka, name)
  for (const [topic, partitions] of Object.entries(TOPICS))
    instance.topics.add({ topic, partitions, maxMessageBytes: MAX_BYTES })
  const producers = new InstanceProducers(kafka.cluster, `app-${name}`, instance.options)
  const groupCommit = new GroupCommit(kafka.cluster, { ...instance.options, producers })
  const task = (number: number) => new ScriptedTask(kafka, groupCommit, number)
  /** Opens sessions of tasks 0, 1 and 2, in one transaction. */
  const opened = async () => {
    const tasks = [task(0), task(1), task(2)] as const
    expect(outcomes(await Promise.all(tasks.map((each) => each.open())))).toEqual(all('committed'))
    kafka.history.length = 0
    return tasks
  }
  const committed = (place: string) => kafka.committed(place).filter((value) => value !== 'OWNER')
  const idle = () => vi.waitFor(() => expect(kafka.transactions.ongoing).toEqual([]), WITHIN)
  return { kafka, instance, groupCommit, producers, task, opened, committed, idle }
}
const outcomes = (results: readonly PartResult[]) => results.map(({ outcome }) => outcome)
const all = (outcome: PartResult['outcome'], count = 3) => Array.from({ length: count }, () => outcome)
/** Submits a part of each task at the same time. */
const commitAll = (tasks: readonly ScriptedTask[], value: string, work: Work = {}) =>
  Promise.all(tasks.map((each) => each.commit(`${value}${each.task}`, work)))
const noLeader = (topic: string) => new ProtocolError(5, `Metadata of ${topic}`, topic)
const isOf = (id: string) => (request: string) => request.endsWith(` ${id}`)

describe.each([{ version: 1 }, { version: 2 }])('a group commit (transaction.version $version)', (protocol) => {
  it('is one transaction for what is submitted at the same time', async () => {
    const { kafka, opened, committed } = committing(protocol)
    const tasks = await opened()
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
    const adding = protocol.version === 1 ? ['AddPartitionsToTxn app-one.0'] : []
    expect(kafka.history).toEqual([...adding, 'Produce app-one.0', 'EndTxn app-one.0'])
    for (const task of [0, 1, 2]) {
      expect(committed(`out/${task}`)).toEqual([`x${task}`])
      expect(committed(`app-changelog/${task}`)).toEqual([`x${task}`])
    }
  })

  it('returns the batches in the changelog, with their offsets', async () => {
    const { opened } = committing(protocol)
    const [one] = await opened()
    const result = await one.commit('x')
    expect(result).toMatchObject({ outcome: 'committed', changelog: [{ ...one.changelog, baseOffset: 2 }] })
  })

  it('takes what is submitted while a transaction is under way into the next one: one at a time', async () => {
    const { kafka, opened, committed } = committing(protocol)
    const [one, two, three] = await opened()
    const later: Promise<PartResult>[] = []
    kafka.onRequest = (name) => {
      if (name === 'Produce' && later.length < 2) later.push(two.commit('y'), three.commit('z'))
    }
    expect((await one.commit('x')).outcome).toBe('committed')
    expect(outcomes(await Promise.all(later))).toEqual(all('committed', 2))
    const sequence = kafka.history
      .map((request) => request.split(' ')[0])
      .filter((name) => name !== 'AddPartitionsToTxn')
    expect(sequence).toEqual(['Produce', 'EndTxn', 'Produce', 'EndTxn'])
    expect([committed('out/0'), committed('out/1'), committed('out/2')]).toEqual([['x'], ['y'], ['z']])
  })

  it('shares a batch between parts that write to the same partition', async () => {
    const { kafka, opened, committed } = committing(protocol)
    const tasks = await opened()
    await commitAll(tasks, 'x', { to: 3 })
    expect(committed('out/3')).toEqual(['x0', 'x1', 'x2'])
    expect(kafka.sent.filter(({ place }) => place === 'out/3').map(({ count }) => count)).toEqual([3])
  })

  it('needs no reads and no heartbeats while nothing fails', async () => {
    const { kafka, opened } = committing(protocol)
    const tasks = await opened()
    for (const value of ['x', 'y', 'z']) await commitAll(tasks, value)
    expect(kafka.count('Fetch') + kafka.count('Heartbeat')).toBe(0)
    expect(kafka.count('EndTxn')).toBe(3)
  })
})

describe('a part that fails', () => {
  it.each([{ version: 1 }, { version: 2 }])(
    'fails alone: the others are written again under a fresh id, once (%j)',
    async (protocol) => {
      const { kafka, opened, committed, idle } = committing(protocol)
      const tasks = await opened()
      kafka.refusals['out/1'] = [42]
      const results = await commitAll(tasks, 'x')
      expect(outcomes(results)).toEqual(['committed', 'rejected', 'committed'])
      expect(results[1]).toMatchObject({ cause: { code: 42, topic: 'out' } })
      await idle()
      expect([committed('out/0'), committed('out/1'), committed('out/2')]).toEqual([['x0'], [], ['x2']])
      expect([0, 1, 2].map((task) => committed(`app-changelog/${task}`))).toEqual([['x0'], [], ['x2']])
      expect(kafka.count('EndTxn app-one.0')).toBe(0)
    },
  )

  it('retires the transactional id: it is only aborted, and never used again', async () => {
    const { kafka, opened, idle } = committing()
    const tasks = await opened()
    kafka.refusals['out/1'] = [42]
    await commitAll(tasks, 'x')
    await commitAll([tasks[0], tasks[2]], 'y')
    await idle()
    const [adding, producing, ...after] = kafka.history.filter(isOf('app-one.0'))
    expect([adding, producing]).toEqual(['AddPartitionsToTxn app-one.0', 'Produce app-one.0'])
    const aborts = ['InitProducerId', 'AddPartitionsToTxn', 'EndTxn(abort)'].map((name) => `${name} app-one.0`)
    expect(aborts).toEqual(expect.arrayContaining(after))
    expect(kafka.count('EndTxn app-one.1')).toBe(2)
  })

  it('does not hold up the others until the abort has a response', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    kafka.refusals['out/1'] = [42]
    const lost = Array.from({ length: 130 }, () => 'request lost' as const)
    kafka.faults['InitProducerId app-one.0'] = lost
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(['committed', 'rejected', 'committed'])
    expect(kafka.transactions.ongoing).toEqual(['app-one.0'])
    await vi.waitFor(() => expect(kafka.transactions.ongoing).toEqual([]), WITHIN)
    expect(lost).toEqual([])
    await vi.waitFor(() => expect(instance.retries.problems).toEqual([]), WITHIN)
  })

  it('does not hold up its partition if the marker of the abort is skipped', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.withoutMarkers.add('app-changelog/1')
    let isLed = true
    kafka.leaderOf = (topic, partition) => {
      if (!isLed && topic === 'app-changelog' && partition === 1) throw noLeader(topic)
      return 1
    }
    let produced = 0
    kafka.faults.Produce = ['response lost'] // its batch is written, and then the partition loses its only replica
    kafka.onRequest = (name) => {
      if (name === 'Produce' && ++produced === 2)
        kafka.refusals['app-changelog/1'] = Array.from({ length: 1_000 }, () => 6)
      if (name === 'InitProducerId') isLed = false
    }
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(['committed', 'rejected', 'committed'])
    const log = kafka.log('app-changelog/1')
    expect(log.lastStable).toBeLessThan(log.end)
    kafka.refusals['app-changelog/1'] = []
    kafka.withoutMarkers.clear()
    kafka.onRequest = () => {}
    isLed = true
    await vi.waitFor(() => expect(log.lastStable).toBe(log.end), WITHIN)
    expect(committed('app-changelog/1')).toEqual([])
  })

  it('does not hold up its partition if the transaction has timed out meanwhile, and its marker was skipped', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.faults.Produce = ['response lost'] // its batches are written; when they are sent again, the transaction is over
    let produced = 0
    kafka.onRequest = (name) => {
      if (name !== 'Produce' || ++produced !== 2) return
      kafka.withoutMarkers.add('out/1') // it has no leader now
      kafka.fence('app-one.0')
      kafka.withoutMarkers.clear()
    }
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
    const log = kafka.log('out/1')
    await vi.waitFor(() => expect(log.lastStable).toBe(log.end), WITHIN)
    expect(committed('out/1')).toEqual(['x1'])
  })

  it('takes those with it whose records share its batch', async () => {
    const { kafka, opened, committed } = committing()
    const [one, two, three] = await opened()
    kafka.refusals['out/3'] = [42]
    const results = await Promise.all([one.commit('x', { to: 3 }), two.commit('y', { to: 3 }), three.commit('z')])
    expect(outcomes(results)).toEqual(['rejected', 'rejected', 'committed'])
    expect([committed('out/3'), committed('out/2')]).toEqual([[], ['z']])
  })

  it('fails with the error of its own batch', async () => {
    const { kafka, opened } = committing()
    const tasks = await opened()
    kafka.refusals['out/0'] = [42]
    kafka.refusals['app-changelog/1'] = [10]
    const results = await commitAll(tasks, 'x')
    expect(results).toMatchObject([
      { outcome: 'rejected', cause: { code: 42 } },
      { outcome: 'rejected', cause: { code: 10 } },
      { outcome: 'committed' },
    ])
  })

  it('fails if its topic cannot be added to the transaction', async () => {
    const { kafka, opened } = committing()
    const [one, two] = await opened()
    kafka.faults.AddPartitionsToTxn = [29]
    const results = await Promise.all([one.commit('x'), two.open()]) // OWNER has no outputs
    expect(results).toMatchObject([
      { outcome: 'rejected', cause: { code: 29, topic: 'out' } },
      { outcome: 'committed' },
    ])
  })
})

describe('a record that brokers refuse for good', () => {
  const refused = (partition: number, index = 0) => ({
    outcome: 'rejected',
    cause: {
      code: 'RECORD_REFUSED',
      retriable: false,
      refused: [{ topic: 'out', partition, reason: 'not like this', headers: [], index }],
    },
  })

  it.each([{ version: 1 }, { version: 2 }])('is named, and its part fails alone (%j)', async (protocol) => {
    const { kafka, opened, committed, idle } = committing(protocol)
    const tasks = await opened()
    kafka.validator = (value) => value !== 'x1'
    expect(await commitAll(tasks, 'x')).toMatchObject([{ outcome: 'committed' }, refused(1), { outcome: 'committed' }])
    await idle()
    expect([committed('out/0'), committed('out/1'), committed('out/2')]).toEqual([['x0'], [], ['x2']])
    expect(kafka.count('Produce')).toBe(2)
  })

  it('leaves those alone whose records share its batch', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.validator = (value) => value !== 'x1'
    const results = await commitAll(tasks, 'x', { to: 3 })
    expect(results).toMatchObject([{ outcome: 'committed' }, refused(3, 1), { outcome: 'committed' }])
    expect(committed('out/3')).toEqual(['x0', 'x2'])
  })

  it.each([{ version: 1 }, { version: 2 }])('is found by halving if brokers do not name it (%j)', async (protocol) => {
    const { kafka, opened, committed, idle } = committing(protocol)
    const tasks = await opened()
    kafka.validator = (value) => value !== 'x2'
    kafka.namesRefused = false
    const results = await commitAll(tasks, 'x', { to: 3 })
    expect(results).toMatchObject([{ outcome: 'committed' }, { outcome: 'committed' }, refused(3, 2)])
    await idle()
    expect(committed('out/3')).toEqual(['x0', 'x1'])
    expect([0, 1, 2].map((task) => committed(`app-changelog/${task}`))).toEqual([['x0'], ['x1'], []])
  })

  it('fails all parts of its batch if the search for it fails', async () => {
    const { kafka, opened, committed, idle } = committing()
    const tasks = await opened()
    kafka.validator = (value) => value !== 'x2'
    kafka.namesRefused = false
    kafka.faults['Produce app-one.1'] = [42]
    const results = await commitAll(tasks, 'x', { to: 3 })
    expect(results).toMatchObject(all('rejected').map((outcome) => ({ outcome, cause: { code: 42 } })))
    await idle()
    expect(committed('out/3')).toEqual([])
  })
})

describe('a transaction that is fenced before EndTxn was sent', () => {
  const cases: readonly (readonly [version: number, api: ApiName, code: number])[] = [
    ...[47, 48, 49, 52, 90, 120, 51].map((code) => [1, 'AddPartitionsToTxn', code] as const),
    ...[47, 48, 49, 90, 120].flatMap((code) => [[1, 'Produce', code] as const, [2, 'Produce', code] as const]),
  ]

  it.each(cases)(
    'is written again as it is, under a fresh id (version %i, %s, code %i)',
    async (version, api, code) => {
      const { kafka, opened, committed, idle } = committing({ version })
      const tasks = await opened()
      kafka.faults[`${api} app-one.0`] = Array.from({ length: 1_000 }, () => code)
      expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
      await idle()
      for (const task of [0, 1, 2]) expect(committed(`out/${task}`)).toEqual([`x${task}`])
      expect(kafka.count('EndTxn app-one.0')).toBe(0)
      expect(kafka.count('EndTxn app-one.1')).toBe(1)
    },
  )

  it('is submitted again at most three times: then all parts are rejected', async () => {
    const { kafka, opened, committed, idle } = committing()
    const tasks = await opened()
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 47)
    const results = await commitAll(tasks, 'x')
    expect(outcomes(results)).toEqual(all('rejected'))
    expect(results[0]).toMatchObject({ cause: { code: 47 } })
    expect(kafka.count('Produce')).toBeGreaterThan(1)
    expect(kafka.count('Produce')).toBeLessThanOrEqual(1 + 3)
    expect(kafka.count('EndTxn')).toBe(0)
    await idle()
    kafka.faults.Produce = []
    expect(outcomes(await commitAll(tasks, 'y'))).toEqual(all('committed'))
    expect(committed('out/0')).toEqual(['y0'])
  })

  it('is fenced by InitProducerId of another process, too', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.fence('app-one.0')
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
    expect(committed('out/2')).toEqual(['x2'])
    expect(kafka.count('EndTxn app-one.1')).toBe(1)
  })
})

describe('a transaction whose coordinator does not add its partitions', () => {
  it.each<Fault>(['request lost', 14, 15, 16])('is written again as it is, under a fresh id: %s', async (fault) => {
    const { kafka, opened, committed, idle } = committing()
    const tasks = await opened()
    kafka.faults['AddPartitionsToTxn app-one.0'] = Array.from({ length: 1_000 }, () => fault)
    kafka.onRequest = (name, id) => {
      if (name === 'InitProducerId' && id === 'app-one.0') kafka.faults['AddPartitionsToTxn app-one.0'] = []
    }
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
    await idle()
    for (const task of [0, 1, 2]) expect(committed(`out/${task}`)).toEqual([`x${task}`])
    expect([kafka.count('Heartbeat'), kafka.count('EndTxn app-one.1')]).toEqual([1, 1])
  })

  it('is submitted again at most three times: then all parts are rejected with the reason', async () => {
    const { kafka, opened } = committing()
    const tasks = await opened()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 1_000 }, () => 'request lost' as const)
    const results = await commitAll(tasks, 'x')
    expect(outcomes(results)).toEqual(all('rejected'))
    expect(results[0]).toMatchObject({ cause: { code: 'LOG_FAILED', retriable: true } })
    expect(kafka.count('Produce')).toBe(0)
  })
})

describe('a heartbeat', () => {
  it('comes before the next transaction after a failure, and only then', async () => {
    const { kafka, opened, idle } = committing()
    const tasks = await opened()
    kafka.refusals['out/1'] = [42]
    await commitAll(tasks, 'x')
    await commitAll([tasks[0], tasks[2]], 'y')
    await idle()
    const history = kafka.history.filter((request) => !isOf('app-one.0')(request))
    expect(history).toEqual([
      'Heartbeat of one',
      'InitProducerId app-one.1',
      'AddPartitionsToTxn app-one.1',
      'Produce app-one.1',
      expect.stringMatching(/^Fetch/),
      expect.stringMatching(/^Fetch/),
      'EndTxn app-one.1',
      'AddPartitionsToTxn app-one.1',
      'Produce app-one.1',
      'EndTxn app-one.1',
    ])
  })

  it('that shows a stale member ends the parts: nothing more is written', async () => {
    const { kafka, instance, opened, committed } = committing()
    const tasks = await opened()
    instance.isMember = () => false
    kafka.refusals['out/1'] = [42]
    const results = await commitAll(tasks, 'x')
    expect(outcomes(results)).toEqual(all('rejected'))
    for (const index of [0, 2]) expect(results[index]).toMatchObject({ cause: { code: 'TASK_LOST', retriable: true } })
    expect(kafka.count('Produce')).toBe(1)
    // as long as it is stale
    expect(outcomes(await commitAll(tasks, 'y'))).toEqual(all('rejected'))
    expect(kafka.count('Produce')).toBe(1)
    expect(kafka.count('Heartbeat')).toBe(2)
    instance.isMember = () => true
    expect(outcomes(await commitAll(tasks, 'z'))).toEqual(all('committed'))
    expect([kafka.count('Heartbeat'), committed('out/0')]).toEqual([3, ['z0']])
  })

  it('that finds the group rebalancing is sent again until the membership is decided: the parts wait', async () => {
    const { kafka, instance, opened, committed } = committing()
    const tasks = await opened()
    const proofs = [undefined, undefined, true]
    instance.isMember = () => proofs.shift()
    kafka.refusals['out/1'] = [42]
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(['committed', 'rejected', 'committed'])
    expect([kafka.count('Heartbeat'), committed('out/0'), committed('out/2')]).toEqual([3, ['x0'], ['x2']])
    expect(kafka.clock.waits).toEqual([100, 100])
  })

  it('that finds the group rebalancing for the time for delivery ends the parts', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    instance.isMember = () => undefined
    kafka.refusals['out/1'] = [42]
    const began = kafka.clock.monotonic()
    const results = await commitAll(tasks, 'x')
    for (const index of [0, 2])
      expect(results[index]).toMatchObject({ outcome: 'rejected', cause: { code: 'TASK_LOST' } })
    expect(kafka.clock.monotonic() - began).toBe(DELIVERY_TIMEOUT_MS)
    expect(kafka.count('Produce')).toBe(1)
  })

  it('that finds the group rebalancing does not hold up the end of the log', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    instance.isMember = () => {
      setImmediate(() => kafka.closing.abort())
      return undefined
    }
    kafka.refusals['out/1'] = [42]
    const results = await commitAll(tasks, 'x')
    for (const index of [0, 2])
      expect(results[index]).toMatchObject({ outcome: 'rejected', cause: { code: 'LOG_CLOSED' } })
    expect(kafka.count('Heartbeat')).toBe(1)
  })

  it('without a response ends the parts, too', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    const cause = new Error('no coordinator')
    instance.isMember = () => Promise.reject(cause)
    kafka.refusals['out/1'] = [42]
    const results = await commitAll(tasks, 'x')
    expect(results).toMatchObject([
      { outcome: 'rejected', cause },
      { outcome: 'rejected' },
      { outcome: 'rejected', cause },
    ])
  })

  it('follows an unclear outcome, too', async () => {
    const { kafka, opened } = committing()
    const tasks = await opened()
    kafka.faults.EndTxn = [90]
    await commitAll(tasks, 'x')
    expect(kafka.count('Heartbeat')).toBe(0)
    await commitAll(tasks, 'y')
    expect(kafka.count('Heartbeat')).toBe(1)
  })
})

describe.each([{ version: 1 }, { version: 2 }])(
  'the end of a transaction (transaction.version $version)',
  (protocol) => {
    it.each(['request lost', 'response lost', 14, 15, 16, 51] as const)(
      'is sent again, and commits once: %s',
      async (fault) => {
        const { kafka, opened, committed, idle } = committing(protocol)
        const tasks = await opened()
        kafka.faults.EndTxn = [fault, fault]
        expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
        expect(outcomes(await commitAll(tasks, 'y'))).toEqual(all('committed'))
        await idle()
        for (const task of [0, 1, 2]) expect(committed(`out/${task}`)).toEqual([`x${task}`, `y${task}`])
        expect(kafka.count('Heartbeat')).toBe(0)
        // a copy of EndTxn may arrive later: without a new epoch it would commit the next transaction
        const next = protocol.version === 1 ? 'app-one.1' : 'app-one.0'
        expect(kafka.history.at(-1)).toBe(`EndTxn ${next}`)
      },
    )

    it.each<readonly [string, Fault[]]>([
      ['without a response for half of the timeout', Array.from({ length: 1_000 }, () => 'request lost')],
      [
        'committed, but without a response for half of the timeout',
        Array.from({ length: 1_000 }, () => 'response lost'),
      ],
      ['fenced', [90]],
      ['fenced after it was sent already', ['request lost', 90]],
      ['rejected', [48]],
      ['without an intelligible response', ['response cut']],
    ])('is unclear for every part if EndTxn is %s', async (_, faults) => {
      const { kafka, opened } = committing(protocol)
      const tasks = await opened()
      kafka.faults['EndTxn app-one.0'] = faults
      kafka.onRequest = (name) => {
        if (name === 'InitProducerId') kafka.faults['EndTxn app-one.0'] = []
      }
      const began = kafka.clock.monotonic()
      expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('unclear'))
      expect(kafka.clock.monotonic() - began).toBeLessThan(TRANSACTION_TIMEOUT_MS / 2 + 200)
      expect(kafka.count('Produce')).toBe(1) // nothing is submitted again: it may be committed
      expect(outcomes(await commitAll(tasks, 'y'))).toEqual(all('committed'))
      expect(kafka.history.filter(isOf('app-one.1')).at(-1)).toBe('EndTxn app-one.1')
      await vi.waitFor(() => expect(kafka.count('EndTxn(abort) app-one.0')).toBe(1))
      expect(kafka.count('InitProducerId app-one.0')).toBe(2) // that which aborts, and that of the empty transaction
    })
  },
)

describe('a transaction that is incomplete in one partition', () => {
  it('does not hold up the partitions that the next one has reached, if their markers are skipped', async () => {
    const { kafka, opened, committed } = committing({ version: 2 })
    const tasks = await opened()
    kafka.refusals['out/0'] = Array.from({ length: 1_000 }, () => 51) // Produce adds the other partitions
    kafka.withoutMarkers.add('out/2')
    kafka.onRequest = (name, id) => {
      if (name === 'InitProducerId' && id === 'app-one.1') kafka.refusals['out/0'] = []
      if (name === 'AddPartitionsToTxn') kafka.withoutMarkers.clear()
    }
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('committed'))
    const log = kafka.log('out/2')
    await vi.waitFor(() => expect(log.lastStable).toBe(log.end), WITHIN)
    expect(committed('out/2')).toEqual(['x2'])
    expect(kafka.log('out/0').entries.map(({ marker }) => marker)).not.toContain('abort')
  })
})

describe.each([{ version: 1 }, { version: 2 }])(
  'an unclear transaction whose marker was skipped (transaction.version $version)',
  (protocol) => {
    it.each(['out/1', 'app-changelog/1'])('does not hold up %s once it has a leader', async (place) => {
      const { kafka, opened, committed } = committing(protocol)
      const tasks = await opened()
      kafka.faults['EndTxn app-one.0'] = Array.from({ length: 1_000 }, () => 'request lost' as const)
      kafka.withoutMarkers.add(place) // its only replica was on the broker that coordinated the transaction
      let isLed = true
      kafka.leaderOf = (topic, partition) => {
        if (!isLed && `${topic}/${partition}` === place) throw noLeader(topic)
        return 1
      }
      kafka.onRequest = (name) => {
        if (name === 'EndTxn') isLed = false
      }
      expect(outcomes(await commitAll(tasks, 'x'))).toEqual(all('unclear'))
      await vi.waitFor(() => expect(kafka.transactions.ongoing).toEqual([]), WITHIN)
      const log = kafka.log(place)
      expect(log.lastStable).toBeLessThan(log.end)
      kafka.withoutMarkers.clear()
      kafka.onRequest = () => {}
      isLed = true
      await vi.waitFor(() => expect(log.lastStable).toBe(log.end), WITHIN)
      expect(committed(place)).toEqual([])
    })
  },
)

describe('a part of a session that was superseded', () => {
  const another = async (kafka: ScriptedKafka, isCommitted: boolean) => {
    const { options } = new ScriptedInstance(kafka, 'two')
    const producer = await TransactionalProducer.open(kafka.cluster, 'app-two.0', options)
    const record = { topic: 'app-changelog', partition: 1, key: OWNER_KEY, value: null, timestamp: 0, headers: [] }
    await producer.write(toBatches([record], new Map(), new Map([['app-changelog', MAX_BYTES]])))
    if (isCommitted) await producer.commit()
  }

  it.each([true, false])(
    'is fenced, and the others are committed (OWNER of another is committed: %s)',
    async (isCommitted) => {
      const { kafka, opened, committed } = committing()
      const tasks = await opened()
      await another(kafka, isCommitted)
      const results = await commitAll(tasks, 'x')
      expect(outcomes(results)).toEqual(['committed', 'fenced', 'committed'])
      await vi.waitFor(() => expect(kafka.transactions.ongoing).not.toContain('app-one.0'))
      expect([committed('out/0'), committed('out/1'), committed('out/2')]).toEqual([['x0'], [], ['x2']])
      expect(kafka.count('EndTxn app-one.0')).toBe(0)
    },
  )

  it('is found by the check after the records are written, however late the other OWNER is', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    const before = kafka.log('app-changelog/1').end
    const other = committing({ name: 'two', kafka })
    let opening: Promise<PartResult> | undefined
    kafka.onRequest = (name, id) => {
      if (name === 'AddPartitionsToTxn' && id === 'app-one.0') opening ??= other.task(1).open()
    }
    kafka.faults['Produce app-one.0'] = Array.from({ length: 20 }, () => 51) // until the other one has written
    const results = await commitAll(tasks, 'x')
    expect((await opening)?.outcome).toBe('committed')
    const next = kafka.log('app-changelog/1').entries.find(({ baseOffset }) => baseOffset === before)
    expect(next?.producerId).toBe(PRODUCER_ID + 1n) // the other's OWNER lies before the records
    expect(outcomes(results)).toEqual(['committed', 'fenced', 'committed'])
    expect(committed('out/1')).toEqual([])
  })

  it('by a later session of this instance is not written at all', async () => {
    const { kafka, opened, committed } = committing()
    const [one, two] = await opened()
    const results = await Promise.all([one.commit('x', { isSuperseded: () => true }), two.commit('y')])
    expect(outcomes(results)).toEqual(['fenced', 'committed'])
    expect(kafka.written('out/0')).toBe(0)
    expect(committed('out/1')).toEqual(['y'])
  })

  it.each([true, false])('is rejected if its changelog was truncated (under a fresh id: %s)', async (isFresh) => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    await commitAll(tasks, 'x') // at 2, behind OWNER and its marker
    kafka.log('app-changelog/1').truncate(2)
    if (isFresh) kafka.fence('app-one.0')
    const results = await commitAll(tasks, 'y')
    expect(outcomes(results)).toEqual(['committed', 'rejected', 'committed'])
    if (isFresh) {
      expect(results[1]).toMatchObject({
        cause: { code: 'LOG_FAILED', retriable: true, topic: 'app-changelog', partition: 1 },
      })
    }
    expect(committed('out/0')).toEqual(['x0', 'y0'])
    expect(committed('out/1')).toEqual(['x1'])
  })

  it('is rejected if its gap cannot be read', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.refusals['out/0'] = [42] // under the fresh id that follows, gaps are read
    kafka.faults.Fetch = [29]
    const results = await commitAll(tasks, 'x')
    expect(outcomes(results)).toEqual(['rejected', 'rejected', 'committed'])
    expect(results[1]).toMatchObject({ cause: { code: 29, topic: 'app-changelog' } })
    expect([1, 2].map((task) => committed(`out/${task}`))).toEqual([[], ['x2']])
  })
})

describe('a partition without a leader', () => {
  it.each(['out', 'app-changelog'])('of %s holds up its parts only, until it has one', async (without) => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    let isLed = false
    kafka.leaderOf = (topic, partition) => {
      if (topic === without && partition === 1 && !isLed) throw noLeader(topic)
      return 1
    }
    const [first, second, third] = tasks.map((each) => each.commit(`x${each.task}`))
    expect(outcomes(await Promise.all([first, third] as Promise<PartResult>[]))).toEqual(all('committed', 2))
    expect(kafka.written('out/1')).toBe(0)
    expect((await tasks[0].commit('y')).outcome).toBe('committed')
    isLed = true
    expect((await second)?.outcome).toBe('committed')
    expect(committed('out/1')).toEqual(['x1'])
  })

  it('ends its parts after the time for delivery, with the reason', async () => {
    const { kafka, opened } = committing()
    const [one, two] = await opened()
    kafka.leaderOf = (topic, partition) => {
      if (partition === 1) throw noLeader(topic)
      return 1
    }
    const began = kafka.clock.monotonic()
    expect(await two.commit('x')).toMatchObject({ outcome: 'rejected', cause: { code: 5 } })
    const took = kafka.clock.monotonic() - began
    expect(took).toBeGreaterThanOrEqual(DELIVERY_TIMEOUT_MS)
    expect(took).toBeLessThan(DELIVERY_TIMEOUT_MS + 300)
    expect([kafka.count('Produce'), kafka.count('Heartbeat')]).toEqual([0, 0]) // nothing was begun
    expect((await one.commit('y')).outcome).toBe('committed')
  })

  it('because its topic is unknown is an error that does not go away: the topic was deleted', async () => {
    const { kafka, opened } = committing()
    const [one, two] = await opened()
    kafka.leaderOf = (topic) => {
      if (topic === 'out') throw new ProtocolError(3, 'Metadata of out[0]', 'out')
      return 1
    }
    expect(await one.commit('x')).toMatchObject({
      outcome: 'rejected',
      cause: { code: 'TOPIC_MISSING', topic: 'out', retriable: false },
    })
    expect((await two.open()).outcome).toBe('committed')
  })

  it('that has lost it while its batch is sent ends its part; the others are written again', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.refusals['out/1'] = Array.from({ length: 1_000 }, () => 6)
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(['committed', 'rejected', 'committed'])
    expect(committed('out/2')).toEqual(['x2'])
  })

  it('takes no room of a transaction', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    const [one, two, three] = tasks
    let isLed = false
    kafka.leaderOf = (_, partition) => {
      if (partition === 0 && !isLed) throw noLeader('out')
      return 1
    }
    const waiting = one.commit('x', { bytes: instance.size.maxBytes })
    await Promise.all([two.commit('y'), three.commit('z')])
    expect(kafka.count('EndTxn')).toBe(1)
    isLed = true
    expect((await waiting).outcome).toBe('committed')
  })
})

describe('a partition whose leader does not acknowledge', () => {
  const failing = async () => {
    const scripted = committing()
    const tasks = await scripted.opened()
    const { kafka } = scripted
    kafka.refusals['app-changelog/1'] = Array.from({ length: 100_000 }, () => 19) // too few replicas are in sync
    expect(outcomes(await commitAll(tasks, 'x'))).toEqual(['committed', 'rejected', 'committed'])
    const tookMs = async (results: Promise<unknown>) => {
      const began = kafka.clock.monotonic()
      await results
      return kafka.clock.monotonic() - began
    }
    return { ...scripted, tasks, tookMs }
  }

  it('does not hold up the others again: its next part goes alone, and is not retried for long', async () => {
    const { tasks, tookMs, committed } = await failing()
    const [one, two, three] = tasks
    for (const value of ['y', 'z']) {
      const opening = two.open()
      const others = [one.commit(value), three.commit(value)]
      expect(await tookMs(Promise.all(others))).toBeLessThan(200)
      expect(await tookMs(opening)).toBeLessThan(1_200)
      expect(outcomes(await Promise.all([opening, ...others]))).toEqual(['rejected', 'committed', 'committed'])
    }
    expect(committed('out/0')).toEqual(['x0', 'y', 'z'])
  })

  it('takes turns with the others, which do not wait for more than one such transaction', async () => {
    const { tasks, tookMs } = await failing()
    const [one, two] = tasks
    const opening = [two.open(), two.open(), two.open()]
    expect(await tookMs(one.commit('y'))).toBeLessThan(200)
    const waiting = one.commit('z')
    expect(await tookMs(waiting)).toBeLessThan(1_500)
    expect(outcomes(await Promise.all(opening))).toEqual(all('rejected'))
  })

  it('counts as one of the others once it has acknowledged a batch', async () => {
    const { kafka, tasks } = await failing()
    const [one, two, three] = tasks
    kafka.refusals['app-changelog/1'] = []
    expect((await two.open()).outcome).toBe('committed')
    kafka.history.length = 0
    expect(outcomes(await commitAll([one, two, three], 'y'))).toEqual(all('committed'))
    expect(kafka.count('EndTxn app-one.1')).toBe(1)
  })
})

describe('the size of a transaction', () => {
  it('is limited: what does not fit goes into the next one', async () => {
    const { kafka, instance, opened, committed } = committing()
    const tasks = await opened()
    expect(outcomes(await commitAll(tasks, 'x', { bytes: 0.4 * instance.size.maxBytes }))).toEqual(all('committed'))
    expect(kafka.count('EndTxn')).toBe(2)
    expect([0, 1, 2].map((task) => committed(`out/${task}`))).toEqual([['x0'], ['x1'], ['x2']])
  })

  it('may be exceeded by one part, which goes alone', async () => {
    const { kafka, instance, opened } = committing()
    const tasks = await opened()
    expect(outcomes(await commitAll(tasks, 'x', { bytes: 3 * instance.size.maxBytes }))).toEqual(all('committed'))
    expect(kafka.count('EndTxn')).toBe(3)
  })

  it('shrinks to what goes through in half of the timeout when brokers throttle it', async () => {
    const { kafka, instance, opened } = committing()
    const [one] = await opened()
    const before = instance.size.maxBytes
    kafka.onRequest = (name) => {
      if (name === 'Produce') instance.throttling.totalMs += 1_000
    }
    await one.commit('x')
    expect(instance.size.maxBytes).toBeLessThan(before)
  })
})

describe('the rate of transactions', () => {
  it('does not count the waits for a quota twice', async () => {
    const { instance, kafka, opened } = committing()
    const [one] = await opened()
    const times: TransactionTimes[] = []
    instance.size.committed = (each) => times.push(each)
    kafka.onRequest = (name) => {
      if (name !== 'Produce') return
      instance.throttling.totalMs += 5_000
      instance.throttling.passedMs += 5_000
    }
    await one.commit('x')
    const [{ tookMs, throttledMs } = { tookMs: 0, throttledMs: 0 }] = times
    expect([Math.round((tookMs + 5_000) / 1_000), throttledMs]).toEqual([0, 5_000])
  })
})

describe('a fresh id', () => {
  it('that cannot begin ends the parts; the next ones get another', async () => {
    const { kafka, opened, committed } = committing()
    const tasks = await opened()
    kafka.refusals['out/1'] = [42]
    kafka.faults['InitProducerId app-one.1'] = [53]
    const results = await commitAll(tasks, 'x')
    expect(outcomes(results)).toEqual(all('rejected'))
    expect(results[0]).toMatchObject({ cause: { code: 53 } })
    expect(outcomes(await commitAll(tasks, 'y'))).toEqual(all('committed'))
    expect(kafka.count('EndTxn app-one.2')).toBe(1)
    expect(committed('out/0')).toEqual(['y0'])
  })
})

describe('closing the log', () => {
  it('rejects what waits for a leader', async () => {
    const { kafka, opened } = committing()
    const [one] = await opened()
    let looks = 0
    kafka.leaderOf = () => {
      if (++looks === 3) setImmediate(() => kafka.closing.abort()) // during the pause that follows
      throw new ProtocolError(5, 'Metadata of out', 'out')
    }
    expect(await one.commit('x')).toMatchObject({ outcome: 'rejected', cause: { code: 'LOG_CLOSED' } })
    expect(await one.commit('y')).toMatchObject({ outcome: 'rejected', cause: { code: 'LOG_CLOSED' } })
    expect(kafka.count('Produce')).toBe(0)
  })
})

describe('an error of the code', () => {
  it('ends the parts of the transaction, whose id is retired; the next one is not affected', async () => {
    const { kafka, groupCommit, opened } = committing()
    const [one, two] = await opened()
    const cause = new Error('odd')
    const broken = groupCommit.submit({
      ...one.part('x', {}),
      changelogRecords: () => {
        throw cause
      },
    })
    expect(await broken).toEqual({ outcome: 'rejected', cause })
    expect((await two.commit('y')).outcome).toBe('committed')
    expect(kafka.history.at(-1)).toBe('EndTxn app-one.1')
  })
})
