import { changelogOwner } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { ChangelogOwnership } from '../../../src/writer/group-commit/changelog-ownership.js'
import type { OutgoingBatch } from '../../../src/writer/outgoing-batch.js'
import { TransactionalProducer } from '../../../src/writer/transactional-producer.js'
import { ScriptedKafka } from '../scripted-kafka.js'
import { toBatches } from '../to-batches.js'
import { ScriptedInstance } from './scripted-instance.js'

const CHANGELOG = { topic: 'app-changelog', partition: 0 }
const PLACE = 'app-changelog/0'
const TIMEOUT_MS = 12_000
const KEY = Buffer.from('key')
const SESSION = Buffer.alloc(16, 7)
/** Two or three records fit into a batch. */
const SIZES = new Map([['app-changelog', 150]])

interface Transaction {
  readonly producer: TransactionalProducer
  readonly batches: readonly OutgoingBatch[]
}

async function owning({ version = 1 } = {}) {
  const kafka = new ScriptedKafka({ 'app-changelog': 1 })
  kafka.transactionVersion = async () => version
  const { options } = new ScriptedInstance(kafka)
  const open = (id: string) => TransactionalProducer.open(kafka.cluster, id, options)
  /** Writes records, without an end of the transaction. */
  const write = (producer: TransactionalProducer, ...values: readonly string[]) => writeAs(KEY, producer, values)
  const writeAs = async (
    key: Uint8Array,
    producer: TransactionalProducer,
    values: readonly (string | Uint8Array)[],
  ): Promise<Transaction> => {
    const records = values.map((value) => ({
      ...CHANGELOG,
      key,
      value: typeof value === 'string' ? Buffer.from(value) : value,
      timestamp: 0,
      headers: [],
    }))
    const batches = toBatches(records, new Map([['app-changelog', 1]]), SIZES)
    expect(await producer.write(batches)).toEqual(new Map())
    return { producer, batches }
  }
  const ownership = new ChangelogOwnership(kafka.cluster, CHANGELOG, { session: SESSION, timeoutMs: TIMEOUT_MS })
  /** Writes records of the session, and checks them. */
  const check = async (producer: TransactionalProducer, ...values: readonly string[]) => {
    const { batches } = await write(producer, ...values)
    return { batches, result: await ownership.check(batches, producer) }
  }
  /** Writes records of the session, which has to own its task, and commits them. */
  const commit = async (producer: TransactionalProducer, ...values: readonly string[]) => {
    const { batches, result } = await check(producer, ...values)
    expect(result).toBe('owner')
    await producer.commit()
    ownership.committed(batches, producer)
    return batches
  }
  /** Another instance writes OWNER; returns the transaction, which is open. */
  const succeed = async () => writeOwner(await open('app-two.0'), new Uint8Array(16))
  const writeOwner = (producer: TransactionalProducer, session: Uint8Array) => {
    const { key, value } = changelogOwner({ session, transactionalId: producer.transactionalId })
    return writeAs(key, producer, [value])
  }
  const log = kafka.log(PLACE)
  return { kafka, log, open, write, writeOwner, check, commit, succeed, ownership, one: await open('app-one.0') }
}

describe.each([{ version: 1 }, { version: 2 }])(
  'a session owns its task (transaction.version $version)',
  (protocol) => {
    it('with its first record, wherever that lies', async () => {
      const { kafka, succeed, check, one } = await owning(protocol)
      await succeed()
      expect((await check(one, 'OWNER')).result).toBe('owner')
      expect(kafka.count('Fetch')).toBe(0)
    })

    it('as long as its next batch lies two offsets after its last record: nothing is read', async () => {
      const { kafka, commit, one } = await owning(protocol)
      const found = [await commit(one, 'OWNER'), await commit(one, 'x', 'y'), await commit(one, 'z')]
      expect(found.map(([batch]) => batch?.baseOffset)).toEqual([0, 2, 5])
      expect(kafka.count('Fetch')).toBe(0)
    })

    it('as long as further batches of a transaction lie right behind the one before: nothing is read', async () => {
      const { kafka, commit, one } = await owning(protocol)
      await commit(one, 'OWNER')
      const batches = await commit(one, ...Array.from({ length: 8 }, (_, i) => `value ${i}`))
      expect(batches.length).toBeGreaterThan(2)
      await commit(one, 'z')
      expect(kafka.count('Fetch')).toBe(0)
    })

    it('if the gap has markers and its own records only, of any of its producers', async () => {
      const { kafka, open, check, commit, one } = await owning(protocol)
      await commit(one, 'OWNER')
      expect((await check(one, 'rejected')).result).toBe('owner')
      kafka.fence('app-one.0') // aborted by the retired id
      const second = await open('app-one.1')
      expect((await check(second, 'again')).result).toBe('owner') // not aborted yet
      const third = await open('app-one.2')
      expect((await check(third, 'once more')).result).toBe('owner')
      kafka.fence('app-one.1')
      expect(kafka.count('Fetch')).toBeGreaterThan(0)
    })

    it.each(['open', 'aborted'])('if the gap has its own OWNER, which is %s: of outputs only', async (state) => {
      const { kafka, open, writeOwner, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      await writeOwner(one, SESSION)
      if (state === 'aborted') kafka.fence('app-one.0')
      expect((await check(await open('app-one.1'), 'x')).result).toBe('owner')
    })

    it.each(['open', 'aborted'])(
      'if an earlier owner has written late what is %s: it will not commit that',
      async (state) => {
        const { kafka, open, write, commit, check, one } = await owning(protocol)
        await commit(one, 'OWNER')
        await write(await open('app-two.0'), 'late')
        if (state === 'aborted') kafka.fence('app-two.0')
        expect((await check(one, 'x')).result).toBe('owner')
      },
    )

    it('if nothing lies between under a fresh id: a marker is not expected', async () => {
      const { open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      // the records of the transaction that failed have never arrived
      expect((await check(await open('app-one.1'), 'x')).result).toBe('owner')
    })

    it('if its own records lie in the gap under a producer id that is used up', async () => {
      const { kafka, open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      kafka.transactions.useUpEpochs('app-one.1')
      const last = await open('app-one.1')
      const { producerId } = last
      await commit(last, 'x')
      if (protocol.version === 2) expect(last.producerId).not.toBe(producerId)
      await check(last, 'not committed')
      expect((await check(await open('app-one.2'), 'y')).result).toBe('owner')
    })

    it('and expects its next batch by its last commit, also after a gap', async () => {
      const { kafka, open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      await check(one, 'rejected')
      kafka.fence('app-one.0')
      const next = await open('app-one.1')
      await commit(next, 'x')
      const reads = kafka.count('Fetch')
      await commit(next, 'y')
      expect(kafka.count('Fetch')).toBe(reads)
    })

    it('even if the leader has the gap only later', async () => {
      const { kafka, open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      await check(one, 'rejected')
      kafka.fence('app-one.0')
      kafka.faults.Fetch = [6, 1, 1]
      expect((await check(await open('app-one.1'), 'x')).result).toBe('owner')
      expect(kafka.count('Fetch')).toBe(4)
    })
  },
)

describe.each([{ version: 1 }, { version: 2 }])(
  'a session is superseded (transaction.version $version)',
  (protocol) => {
    it.each(['committed', 'aborted', 'undecided'])('by an OWNER before its records that is %s', async (outcome) => {
      const { kafka, commit, check, succeed, one } = await owning(protocol)
      await commit(one, 'OWNER')
      const { producer } = await succeed()
      if (outcome === 'committed') await producer.commit()
      if (outcome === 'aborted') kafka.fence('app-two.0')
      expect((await check(one, 'x')).result).toBe('superseded')
    })

    it('by an OWNER between two batches of its transaction', async () => {
      const { kafka, commit, check, succeed, one } = await owning(protocol)
      await commit(one, 'OWNER')
      const other = await succeed()
      await other.producer.commit()
      kafka.log(PLACE).truncate(2) // where it lies otherwise
      let isWritten = false
      kafka.onRequest = (name) => {
        if (name !== 'Produce' || kafka.log(PLACE).end < 4 || isWritten) return
        isWritten = true
        kafka.log(PLACE).append(other.batches[0]?.closed as Buffer)
      }
      expect((await check(one, ...Array.from({ length: 8 }, (_, i) => `value ${i}`))).result).toBe('superseded')
      expect(isWritten).toBe(true)
    })

    it('by an OWNER in the gap under a fresh id, where nothing of a failed transaction has arrived', async () => {
      const { open, commit, check, succeed, one } = await owning(protocol)
      await commit(one, 'OWNER') // at 0, its marker at 1
      await succeed() // at 2, undecided
      expect((await check(await open('app-one.1'), 'x')).result).toBe('superseded')
    })

    it('if something is missing in the gap: it may have been an OWNER', async () => {
      const { kafka, open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      await check(one, 'rejected') // at 2
      kafka.fence('app-one.0')
      kafka.log(PLACE).compact(2)
      expect((await check(await open('app-one.1'), 'x')).result).toBe('superseded')
    })

    it('if the last offset before its records is missing', async () => {
      const { kafka, open, commit, check, one } = await owning(protocol)
      await commit(one, 'OWNER')
      await check(one, 'rejected')
      kafka.fence('app-one.0')
      kafka.log(PLACE).compact(3)
      expect((await check(await open('app-one.1'), 'x')).result).toBe('superseded')
    })
  },
)

describe('a changelog that does not continue', () => {
  it('was truncated, and others have written as much as it has lost', async () => {
    const { log, write, open, commit, check, one } = await owning()
    await commit(one, 'OWNER')
    await commit(one, 'x') // 2, the marker at 3
    log.truncate(2)
    await write(await open('app-two.0'), 'other')
    expect((await check(one, 'z')).result).toBe('truncated')
  })

  it('lacks only the marker of the last commit: its records become visible with the next one', async () => {
    const { kafka, log, commit, one } = await owning()
    await commit(one, 'OWNER')
    await commit(one, 'x', 'y')
    log.truncate(4)
    await commit(one, 'z')
    await commit(one, 'again')
    expect(kafka.committed(PLACE)).toEqual(['OWNER', 'x', 'y', 'z', 'again'])
    expect(kafka.count('Fetch')).toBe(1)
  })

  it('was truncated: a batch lies at or below the last record, under a fresh id', async () => {
    const { log, open, commit, check, one } = await owning()
    await commit(one, 'OWNER')
    await commit(one, 'x', 'y')
    log.truncate(3)
    expect((await check(await open('app-one.1'), 'z')).result).toBe('truncated')
  })

  it('is an error if the gap cannot be read in time', async () => {
    const { kafka, open, commit, check, one } = await owning()
    await commit(one, 'OWNER')
    await check(one, 'rejected')
    kafka.faults.Fetch = Array.from({ length: 10_000 }, () => 6)
    const began = kafka.clock.monotonic()
    await expect(check(await open('app-one.1'), 'x')).rejects.toMatchObject({ code: 6 })
    expect(kafka.clock.monotonic() - began).toBeGreaterThanOrEqual(TIMEOUT_MS)
  })
})

describe('a session without records in a transaction', () => {
  it('keeps its expectation', async () => {
    const { kafka, ownership, commit, one } = await owning()
    await commit(one, 'OWNER')
    ownership.committed([], one)
    await commit(one, 'x')
    expect(kafka.count('Fetch')).toBe(0)
  })
})
