import { afterEach, describe, expect, it, vi } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { Fetcher } from '../../src/reader/fetcher.js'
import { PartitionReader } from '../../src/reader/partition-reader.js'
import { rawBatch, rawRecord } from '../protocol/record-batch/raw-batch.js'
import { type Answer, type Asked, ScriptedBrokers } from './scripted-brokers.js'

const LIMITS = { maxBytes: 1_000, maxPartitionBytes: 400, rack: '' }
const POLL_MS = 5
const RECORD = 100

const opened: Fetcher[] = []
afterEach(() => {
  for (const fetcher of opened.splice(0)) fetcher.close()
})

function fetching(brokers: ScriptedBrokers, limits: ConstructorParameters<typeof Fetcher>[1] = LIMITS) {
  const retried: unknown[] = []
  const ended: string[] = []
  const fetcher = new Fetcher(brokers.cluster, limits, {
    onRetry: (_what, error) => retried.push(error),
    onRetryEnd: (what) => ended.push(what),
  })
  opened.push(fetcher)
  return { fetcher, retried, ended }
}
const readerOf = (topic: string, partition = 0, from = 0, prefetch = 300) =>
  new PartitionReader({ topic, partition, offset: from }, { prefetchBytes: prefetch, maxDecompressedBytes: 0 })
const batchAt = (offset: number) =>
  rawBatch({ baseOffset: BigInt(offset), records: [rawRecord({ value: Buffer.alloc(RECORD) })] })
const SIZE = batchAt(0).length

/** A broker with logs of one-record batches, which holds requests back while it has no records, and applies limits as Kafka does. */
function logs(ends: Record<string, number>): ScriptedBrokers {
  return new ScriptedBrokers(async (asked) => {
    const answers = new Map<Asked, Answer>()
    let left = LIMITS.maxBytes
    let isEmpty = true
    for (const each of asked) {
      const stableEnd = ends[`${each.topic}/${each.partition}`] ?? 0
      const batches: Buffer[] = []
      let room = Math.min(left, each.maxBytes)
      // the first batch of the first partition that has any is returned whatever its size; others are left out
      for (let offset = each.offset; offset < stableEnd && (SIZE <= room || isEmpty); offset++) {
        batches.push(batchAt(offset))
        isEmpty = false
        room -= SIZE
        left -= SIZE
      }
      answers.set(each, { stableEnd, records: Buffer.concat(batches) })
    }
    if (isEmpty) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    return answers
  })
}

async function readTo(reader: PartitionReader, end: number, fetcher: Fetcher): Promise<number[]> {
  const offsets: number[] = []
  for (let next = -1; next < end; ) {
    const read = await reader.next(fetcher.wakeup)
    offsets.push(...(read?.records ?? []).map(({ offset }) => offset))
    next = read?.next ?? end
  }
  return offsets
}
const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

describe('reading', () => {
  it('yields every record of every partition once and in order', async () => {
    const brokers = logs({ 'a/0': 40, 'a/1': 25, 'b/0': 33 })
    brokers.leaderOf = (topic, partition) => (topic === 'a' ? partition : 7)
    const { fetcher } = fetching(brokers)
    const all = [readerOf('a', 0), readerOf('a', 1), readerOf('b', 0)]
    for (const each of all) fetcher.add(each)
    const read = await Promise.all(all.map((each, i) => readTo(each, [40, 25, 33][i] as number, fetcher)))
    expect(read).toEqual([upTo(40), upTo(25), upTo(33)])
  })

  it('keeps readers of one partition apart, although a request contains it once', async () => {
    const brokers = logs({ 'a/0': 60 })
    const { fetcher } = fetching(brokers)
    const all = [readerOf('a', 0, 0), readerOf('a', 0, 50), readerOf('a', 0, 60)]
    for (const each of all) fetcher.add(each)
    const read = await Promise.all(all.map((each) => readTo(each, 60, fetcher)))
    expect(read).toEqual([upTo(60), upTo(60).slice(50), []])
    for (const asked of brokers.requests) expect(asked).toHaveLength(1)
  })

  it('does not starve a partition whose batches are larger than its share', async () => {
    const ends = { 'busy/0': 10_000, 'large/0': 3 }
    const brokers = logs(ends)
    const { fetcher } = fetching(brokers, { maxBytes: LIMITS.maxBytes, maxPartitionBytes: SIZE - 1, rack: '' })
    const busy = readerOf('busy')
    const large = readerOf('large')
    fetcher.add(busy)
    fetcher.add(large)
    const drained = new AbortController()
    const draining = (async () => {
      while (!drained.signal.aborted) await busy.next(fetcher.wakeup)
    })()
    expect(await readTo(large, 3, fetcher)).toEqual([0, 1, 2])
    expect(busy.position).toBeLessThan(ends['busy/0'])
    drained.abort()
    fetcher.remove(busy)
    await draining
  })

  it('sends a leader the next request only after its response', async () => {
    let running = 0
    const brokers = logs({ 'a/0': 200 })
    const { answer } = brokers
    brokers.answer = async (asked) => {
      expect(++running).toBe(1)
      const answers = await answer(asked)
      running--
      return answers
    }
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    for (let i = 0; i < 20; i++) fetcher.wakeup()
    expect(await readTo(reader, 200, fetcher)).toEqual(upTo(200))
  })

  it('drops the response to a request for another position', async () => {
    const ends = { 'a/0': 30 }
    const brokers = logs(ends)
    const { answer } = brokers
    const open: (() => void)[] = []
    brokers.answer = async (asked) => {
      const answers = await answer(asked)
      if (open.length === 0) await new Promise<void>((resolve) => open.push(resolve))
      return answers
    }
    let leader = 1
    brokers.leaderOf = () => leader
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    await vi.waitFor(() => expect(open).toHaveLength(1))
    leader = 2 // which gets a request, too, and responds first
    fetcher.wakeup()
    expect(await readTo(reader, 30, fetcher)).toEqual(upTo(30))
    open[0]?.()
    ends['a/0'] = 35
    expect(await readTo(reader, 35, fetcher)).toEqual([30, 31, 32, 33, 34])
  })
})

describe('prefetched records', () => {
  it('are bounded for each partition by its limit and one response', async () => {
    const brokers = logs({ 'a/0': 1_000, 'a/1': 1_000 })
    const { fetcher } = fetching(brokers)
    const all = [readerOf('a', 0), readerOf('a', 1)]
    for (const each of all) fetcher.add(each)
    await vi.waitFor(() => expect(all.every(({ hasRoom }) => hasRoom)).toBe(false))
    await vi.waitFor(() => expect(all.some(({ hasRoom }) => hasRoom)).toBe(false))
    const requests = brokers.requests.length
    for (const each of all) expect(each.bytes).toBeLessThan(300 + LIMITS.maxPartitionBytes)
    expect(fetcher.bytes).toBe(all.reduce((sum, { bytes }) => sum + bytes, 0))
    fetcher.wakeup()
    await new Promise((resolve) => setImmediate(resolve))
    expect(brokers.requests.length).toBe(requests)
  })

  it('are bounded in total; a partition without any is still fetched', async () => {
    const count = 30
    const ends = Object.fromEntries(upTo(count).map((partition) => [`a/${partition}`, 1_000]))
    const totalBytes = 2_000
    const { fetcher } = fetching(logs(ends), { ...LIMITS, totalBytes })
    const all = upTo(count).map((partition) => readerOf('a', partition, 0, 100_000))
    for (const each of all) fetcher.add(each)
    await vi.waitFor(() => expect(all.every(({ bytes }) => bytes > 0)).toBe(true))
    expect(fetcher.bytes).toBeLessThan(totalBytes + LIMITS.maxBytes + count * LIMITS.maxPartitionBytes)
    const before = fetcher.bytes
    fetcher.wakeup()
    await new Promise((resolve) => setImmediate(resolve))
    expect(fetcher.bytes).toBe(before)
    expect(await readTo(all[7] as PartitionReader, 1_000, fetcher)).toEqual(upTo(1_000))
  })

  it('are requested with a larger limit for a batch that is larger than usual', async () => {
    const brokers = new ScriptedBrokers((asked) => {
      const [first] = asked as [Asked]
      const whole = rawBatch({ records: [rawRecord({ value: Buffer.alloc(3_000) })] })
      return new Map([
        [first, { stableEnd: 1, records: first.maxBytes < whole.length ? whole.subarray(0, first.maxBytes) : whole }],
      ])
    })
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, 1, fetcher)).toEqual([0])
    expect(brokers.maxBytes).toBeGreaterThan(3_000)
  })
})

describe('waking', () => {
  it('is not lost while a round is ending', async () => {
    // the one request leaves the only partition full; room is made in each of the next turns, one test after the other
    for (let turns = 0; turns < 12; turns++) {
      const brokers = logs({ 'a/0': 8 })
      const { fetcher } = fetching(brokers)
      const reader = readerOf('a', 0, 0, 1)
      fetcher.add(reader)
      await vi.waitFor(() => expect(reader.bytes).toBeGreaterThan(0))
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      expect(await readTo(reader, 8, fetcher)).toEqual(upTo(8))
    }
  })

  it('requests nothing for removed partitions', async () => {
    const brokers = logs({})
    const { fetcher } = fetching(brokers)
    const [kept, removed] = [readerOf('kept'), readerOf('removed')]
    fetcher.add(kept)
    fetcher.add(removed)
    fetcher.remove(removed)
    await vi.waitFor(() => expect(brokers.requests.length).toBeGreaterThan(2))
    expect(brokers.requests.at(-1)?.map(({ topic }) => topic)).toEqual(['kept'])
    expect(await removed.next(() => {})).toBeUndefined()
  })

  it('ends readers with an error when the log is closed, and starts none afterwards', async () => {
    const { fetcher } = fetching(logs({}))
    const [before, after] = [readerOf('a'), readerOf('a')]
    fetcher.add(before)
    const reading = readTo(before, 1, fetcher)
    fetcher.close()
    await expect(reading).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    fetcher.add(after)
    await expect(after.next(() => {})).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})

describe('a replica in the same rack', () => {
  const RECORDS = 3
  const REPLICA = 7
  const NOT_AVAILABLE = 78
  const OUT_OF_RANGE = 1

  /** The leader, broker 1, names a replica; the replica responds as the test says. */
  function racked(replica: (asked: Asked) => Answer | Promise<Answer>): ScriptedBrokers {
    return new ScriptedBrokers(async (asked) => {
      const answers = new Map<Asked, Answer>()
      for (const each of asked) answers.set(each, each.leader === 1 ? { preferred: REPLICA } : await replica(each))
      return answers
    })
  }
  const records = ({ offset }: Asked): Answer | Promise<Answer> =>
    offset < RECORDS ? { stableEnd: RECORDS, records: batchAt(offset) } : new Promise(() => {})
  const brokersOf = ({ requests }: ScriptedBrokers) => requests.map(([each]) => each?.leader)

  it('is fetched from once the leader has named it', async () => {
    const brokers = racked(records)
    const { fetcher, retried } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(brokersOf(brokers).slice(0, 4)).toEqual([1, REPLICA, REPLICA, REPLICA])
    expect(retried).toEqual([])
  })

  it.each([
    ['is behind', NOT_AVAILABLE],
    ['does not have the offset, which the leader may have', OUT_OF_RANGE],
  ])('is left for the leader when it %s', async (_, code) => {
    let fails = true
    const brokers = racked((asked) => {
      if (!fails) return records(asked)
      fails = false
      return { code }
    })
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(brokersOf(brokers).slice(0, 4)).toEqual([1, REPLICA, 1, REPLICA])
  })

  it('is left for the leader when it does not respond, which is reported', async () => {
    let fails = true
    const brokers = racked((asked) => {
      if (!fails) return records(asked)
      fails = false
      throw new Error('the connection was lost')
    })
    const { fetcher, retried } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(brokersOf(brokers).slice(0, 4)).toEqual([1, REPLICA, 1, REPLICA])
    expect(retried).toEqual([expect.objectContaining({ message: 'the connection was lost' })])
  })

  /** As Kafka does: the leader returns records if the request names no rack, else only a replica. */
  function strict(replica: (asked: Asked) => Answer | Promise<Answer>): ScriptedBrokers {
    return new ScriptedBrokers(async (asked) => {
      const answers = new Map<Asked, Answer>()
      for (const each of asked) {
        const isRedirected = each.leader === 1 && each.rack !== ''
        const answer = isRedirected ? { preferred: REPLICA } : each.leader === 1 ? records(each) : replica(each)
        answers.set(each, await answer)
      }
      return answers
    })
  }
  const RACKED = { ...LIMITS, rack: 'rack-a' }

  it.each([
    ['cannot be reached', () => Promise.reject(new Error('the connection was lost'))],
    ['is behind for long', () => ({ code: NOT_AVAILABLE })],
  ])('is not named again by the leader when it %s: requests name no rack for a while', async (_, replica) => {
    const brokers = strict(replica)
    const { fetcher } = fetching(brokers, RACKED)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(
      brokers.requests
        .flat()
        .map(({ leader, rack }) => [leader, rack])
        .slice(0, 2 + RECORDS),
    ).toEqual([[1, 'rack-a'], [REPLICA, 'rack-a'], ...Array.from({ length: RECORDS }, () => [1, ''])])
    expect((reader.leaderOnlyUntil ?? 0) - performance.now()).toBeGreaterThan(28_000)
  })

  it('is named again when that time is over', async () => {
    const brokers = strict(records)
    const { fetcher } = fetching(brokers, RACKED)
    const reader = readerOf('a')
    reader.leaderOnlyUntil = 0
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(brokersOf(brokers).slice(0, 3)).toEqual([1, REPLICA, REPLICA])
  })

  it.each([
    ['named', undefined],
    ['in use', { node: REPLICA, until: Number.POSITIVE_INFINITY }],
  ])('gets no requests while it does not respond in time: it is %s', async (_, preferredReplica) => {
    const brokers = strict(records)
    brokers.unresponsive.add(REPLICA)
    const { fetcher } = fetching(brokers, RACKED)
    const reader = readerOf('a')
    reader.preferredReplica = preferredReplica
    fetcher.add(reader)
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
    expect(new Set(brokersOf(brokers))).toEqual(new Set([1]))
  })

  it('gets requests although it does not respond in time, if the leader insists', async () => {
    const brokers = racked(records)
    brokers.unresponsive.add(REPLICA)
    const { fetcher } = fetching(brokers, RACKED)
    const reader = readerOf('a')
    fetcher.add(reader)
    await vi.waitFor(() => expect(brokersOf(brokers).slice(0, 3)).toEqual([1, 1, REPLICA]))
  })

  it('does not hide that an offset is not in the log of the leader', async () => {
    const brokers = new ScriptedBrokers((asked) => new Map(asked.map((each) => [each, { code: OUT_OF_RANGE }])))
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    reader.preferredReplica = { node: REPLICA, until: Number.POSITIVE_INFINITY }
    fetcher.add(reader)
    await expect(readTo(reader, RECORDS, fetcher)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(brokersOf(brokers)).toEqual([REPLICA, 1, 1])
  })

  it('is forgotten when its time is over: the error of the leader counts', async () => {
    const brokers = new ScriptedBrokers((asked) => new Map(asked.map((each) => [each, { code: OUT_OF_RANGE }])))
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    reader.preferredReplica = { node: REPLICA, until: 0 }
    fetcher.add(reader)
    await expect(readTo(reader, RECORDS, fetcher)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(brokersOf(brokers)).toEqual([1, 1])
  })

  it('does not end a reader with an error that arrives when its time is over', async () => {
    const responses: ((answer: Answer) => void)[] = []
    const held = () => new Promise<Answer>((resolve) => responses.push(resolve))
    const brokers = new ScriptedBrokers(async (asked) => {
      const [each] = asked as [Asked]
      return new Map([[each, responses.length < 2 ? await held() : await records(each)]])
    })
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    reader.preferredReplica = { node: REPLICA, until: Number.POSITIVE_INFINITY }
    fetcher.add(reader)
    await vi.waitFor(() => expect(brokersOf(brokers)).toEqual([REPLICA]))
    reader.preferredReplica = { node: REPLICA, until: 0 }
    fetcher.wakeup()
    await vi.waitFor(() => expect(brokersOf(brokers)).toEqual([REPLICA, 1]))
    responses[0]?.({ code: OUT_OF_RANGE })
    await new Promise((resolve) => setImmediate(resolve))
    responses[1]?.({ stableEnd: RECORDS, records: batchAt(0) })
    expect(await readTo(reader, RECORDS, fetcher)).toEqual(upTo(RECORDS))
  })
})

describe('a log that does not hold what was read', () => {
  const EPOCH = 4
  const truncated = (answers: readonly Answer[]) => {
    const left = [...answers]
    const brokers = new ScriptedBrokers((asked) => new Map(asked.map((each) => [each, left.shift() ?? {}])))
    brokers.leaderEpoch = EPOCH + 1
    return brokers
  }
  const reading = (brokers: ScriptedBrokers, leaderEpoch?: number) => {
    const { fetcher, ...rest } = fetching(brokers)
    const reader = new PartitionReader(
      { topic: 'a', partition: 0, offset: 20, leaderEpoch },
      { prefetchBytes: 300, maxDecompressedBytes: 0 },
    )
    fetcher.add(reader)
    return { ...rest, reader, next: () => reader.next(fetcher.wakeup) }
  }
  const ALL: Answer = { stableEnd: 20 }

  it.each<[string, Answer, number | undefined, string]>([
    ['its end is before the position', { code: 1 }, EPOCH, 'offset 20 of a[0] is not in the log'],
    ['nothing is known of its epochs', { code: 1 }, undefined, 'offset 20 of a[0] is not in the log'],
    ['it was truncated and has grown again', { epochEnd: 10 }, EPOCH, 'a[0] has lost its records from offset 10 on'],
  ])('ends the reader once the leader has confirmed it: %s', async (_, answer, epoch, message) => {
    const brokers = truncated([answer, answer])
    const { next, retried } = reading(brokers, epoch)
    await expect(next()).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      message: expect.stringContaining(message),
      ...{ topic: 'a', partition: 0, offset: 20 },
    })
    expect(brokers.requests.flat()).toMatchObject([
      { offset: 20, lastFetchedEpoch: epoch ?? -1, currentLeaderEpoch: -1 },
      { offset: 20, lastFetchedEpoch: epoch ?? -1, currentLeaderEpoch: EPOCH + 1 },
    ])
    expect(brokers.refreshed).toEqual(['a'])
    expect(retried).toMatchObject([{ code: 'LOG_FAILED', retriable: true, topic: 'a', offset: 20 }])
  })

  it.each<[string, Answer]>([
    ['its end is before the position', { code: 1 }],
    ['it has other records', { epochEnd: 10 }],
  ])('is not believed if the current leader does not confirm it: %s', async (_, answer) => {
    const { next, ended } = reading(truncated([answer, ALL]), EPOCH)
    expect(await next()).toMatchObject({ records: [], next: 20, end: 20, leaderEpoch: EPOCH })
    expect(ended).toEqual(['fetch a[0]'])
  })

  it('is not believed of a leader with an older epoch than what was read', async () => {
    const brokers = truncated([{ code: 1 }, { code: 1 }, { code: 1 }, ALL])
    brokers.leaderEpoch = EPOCH - 1
    const { next, retried } = reading(brokers, EPOCH)
    expect(await next()).toMatchObject({ next: 20, end: 20 })
    expect(retried).toHaveLength(3)
  })

  it('has to be confirmed again after the leader has moved', async () => {
    const brokers = truncated([{ code: 1 }, { code: 74 }, { code: 1 }, { code: 1 }])
    await expect(reading(brokers, EPOCH).next()).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(brokers.requests.flat().map(({ currentLeaderEpoch }) => currentLeaderEpoch)).toEqual([-1, 5, -1, 5])
  })

  it('may not know an epoch whose batches were all compacted: it is read on', async () => {
    const brokers = truncated([{ epochEnd: 25 }, { stableEnd: 21, records: batchAt(20) }])
    const { next, retried } = reading(brokers, EPOCH)
    expect(await next()).toMatchObject({ records: [{ offset: 20 }], next: 21 })
    expect(retried).toEqual([])
    expect(brokers.requests.flat().map(({ lastFetchedEpoch }) => lastFetchedEpoch)).toEqual([EPOCH, -1])
  })
})

describe('errors of brokers', () => {
  const once = (code: number) => {
    let isFirst = true
    const brokers = logs({ 'a/0': 3 })
    const { answer } = brokers
    brokers.answer = (asked) => {
      if (!isFirst) return answer(asked)
      isFirst = false
      return new Map(asked.map((each) => [each, { code }]))
    }
    return brokers
  }

  it.each([3, 5, 6, 56, 74, 75, -1, 2])('are followed by a refresh of metadata and another fetch: %i', async (code) => {
    const brokers = once(code)
    const { fetcher, retried, ended } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, 3, fetcher)).toEqual([0, 1, 2])
    expect(ended).toEqual(['fetch a[0]'])
    expect(brokers.refreshed).toContain('a')
    expect(retried).toEqual([
      expect.objectContaining({ code: 'LOG_FAILED', retriable: true, topic: 'a', partition: 0, offset: 0 }),
    ])
  })

  it('in preparing the requests are reported until it succeeds', async () => {
    const ended: string[] = []
    const retried: string[] = []
    const brokers = logs({ 'a/0': 2 })
    brokers.leaderOf = () => {
      brokers.leaderOf = () => 1
      throw new Error('no metadata')
    }
    const fetcher = new Fetcher(brokers.cluster, LIMITS, {
      onRetry: (what) => {
        if (retried.push(what) === 1) throw new Error('of the listener')
      },
      onRetryEnd: (what) => ended.push(what),
    })
    opened.push(fetcher)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, 2, fetcher)).toEqual([0, 1])
    expect(retried).toEqual(['fetch a[0]', 'fetch'])
    expect(ended.sort()).toEqual(['fetch', 'fetch a[0]'])
  })

  it('are not retried for a removed reader, and not reported once the fetcher is closed', async () => {
    const { fetcher, retried, ended } = fetching(new ScriptedBrokers(() => Promise.reject(new Error('cut'))))
    const [removed, closed] = [readerOf('a'), readerOf('b')]
    fetcher.add(removed)
    await vi.waitFor(() => expect(retried).toHaveLength(1))
    fetcher.remove(removed)
    expect(ended).toEqual(['fetch a[0]'])
    let cut = (_: Error) => {}
    const other = fetching(new ScriptedBrokers(() => new Promise((_resolve, reject) => (cut = reject))))
    other.fetcher.add(closed)
    await vi.waitFor(() => expect(other.fetcher.bytes).toBe(0))
    await new Promise((resolve) => setImmediate(resolve))
    other.fetcher.close()
    cut(new Error('closed'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(other.retried).toEqual([])
  })

  it('of a request that was in flight when its reader was removed are not reported', async () => {
    let fail = (_error: Error): void => {}
    const brokers = new ScriptedBrokers(
      () =>
        new Promise((_resolve, reject) => {
          fail = reject
        }),
    )
    const { fetcher, retried } = fetching(brokers)
    const removed = readerOf('a')
    fetcher.add(removed)
    await vi.waitFor(() => expect(brokers.requests).toHaveLength(1))
    fetcher.remove(removed)
    fail(new Error('the connection was lost'))
    const other = readerOf('b')
    brokers.answer = () => new Promise(() => {})
    fetcher.add(other)
    await vi.waitFor(() => expect(brokers.requests).toHaveLength(2))
    expect(retried).toEqual([])
  })

  it('end a reader without the right to read', async () => {
    const { fetcher } = fetching(once(29))
    const reader = readerOf('a')
    fetcher.add(reader)
    await expect(reader.next(() => {})).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'a' })
  })

  it('end a reader without the right to describe the topic', async () => {
    const brokers = logs({})
    brokers.leaderOf = () => Promise.reject(new ProtocolError(29, 'Metadata of a[0]'))
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    await expect(reader.next(() => {})).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'a' })
  })

  it('end one reader, not the others', async () => {
    const brokers = logs({ 'a/0': 5, 'b/0': 5 })
    const { answer } = brokers
    brokers.answer = async (asked) =>
      new Map([...(await answer(asked))].map(([each, it]) => [each, each.topic === 'b' ? { code: 1 } : it]))
    const { fetcher } = fetching(brokers)
    const [good, bad] = [readerOf('a'), readerOf('b')]
    fetcher.add(good)
    fetcher.add(bad)
    await expect(bad.next(() => {})).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(await readTo(good, 5, fetcher)).toEqual(upTo(5))
  })

  it('end a reader whose records are damaged', async () => {
    const damaged = batchAt(0)
    damaged[80] = (damaged[80] as number) ^ 1
    const brokers = new ScriptedBrokers(
      (asked) => new Map(asked.map((each) => [each, { records: damaged, stableEnd: 1 }])),
    )
    const { fetcher } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    await expect(reader.next(() => {})).rejects.toMatchObject({ code: 'RECORDS_CORRUPT', topic: 'a', offset: 0 })
  })

  it('of connections are followed by another fetch', async () => {
    const brokers = logs({ 'a/0': 2 })
    const { answer } = brokers
    brokers.answer = (asked) => {
      brokers.answer = answer
      throw new Error(`disconnected while ${asked.length} were requested`)
    }
    const { fetcher, retried } = fetching(brokers)
    const reader = readerOf('a')
    fetcher.add(reader)
    expect(await readTo(reader, 2, fetcher)).toEqual([0, 1])
    expect(retried).toEqual([expect.objectContaining({ message: 'disconnected while 1 were requested' })])
  })
})
