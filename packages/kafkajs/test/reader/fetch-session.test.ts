import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { ReceivedRequestOf, RequestOf, SentResponseOf } from '../../src/protocol/api.js'
import { CODE } from '../../src/protocol/error-codes.js'
import type { FETCH } from '../../src/protocol/fetch.js'
import { FetchSession } from '../../src/reader/fetch-session.js'
import { PartitionReader } from '../../src/reader/partition-reader.js'
import { carry } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'

const LIMITS = { maxBytes: 1_000, maxPartitionBytes: 400, rack: 'rack-a' }
const BROKER = 3
const SESSION = 7
const LEADER_EPOCH = 5

type Request = ReceivedRequestOf<typeof FETCH>
type Response = SentResponseOf<typeof FETCH>

const readerOf = (topic: string, partition = 0, offset = 0) =>
  new PartitionReader({ topic, partition, offset }, { prefetchBytes: 300, maxDecompressedBytes: 0 })

/** A session with a broker that gives these responses in turn, and then empty ones of the session. */
function session(...responses: (Partial<Response> | Error)[]) {
  const requests: Request[] = []
  const cluster = {
    knownLeaderEpochOf: () => LEADER_EPOCH,
    request: async (node: number, channel: string, api: typeof FETCH, sent: RequestOf<typeof FETCH>) => {
      expect([node, channel]).toEqual([BROKER, 'fetch'])
      const { request, respond } = carry(versionsOf('4.3'), api, sent)
      requests.push(request)
      const response = responses.shift() ?? {}
      if (response instanceof Error) throw response
      return respond({ errorCode: CODE.NONE, sessionId: SESSION, responses: [], ...response })
    },
  } as unknown as KafkaCluster
  const fetchSession = new FetchSession(cluster, BROKER, LIMITS)
  const fetch = (...readers: PartitionReader[]) => fetchSession.fetch(new Map(readers.map((each) => [each.name, each])))
  return { fetch, requests }
}

/** `<topic>[<partition>]@<offset>` of what a request names. */
const named = ({ topics }: Request | undefined = { topics: [] } as unknown as Request) =>
  topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, fetchOffset }) => `${topic}[${partition}]@${fetchOffset}`),
  )

describe('a fetch session', () => {
  it('begins with a request that names all partitions', async () => {
    const { fetch, requests } = session()
    await fetch(readerOf('a', 0, 5), readerOf('a', 1), readerOf('b'))
    expect(requests[0]).toMatchObject({ sessionId: 0, sessionEpoch: 0, forgottenTopicsData: [] })
    expect(named(requests[0])).toEqual(['a[0]@5', 'a[1]@0', 'b[0]@0'])
  })

  it('continues with requests that name what has changed', async () => {
    const { fetch, requests } = session()
    const [a, b] = [readerOf('a'), readerOf('b')]
    await fetch(a, b)
    await fetch(a, b)
    b.position = 9
    await fetch(a, b)
    expect(requests.map(({ sessionId, sessionEpoch }) => [sessionId, sessionEpoch])).toEqual([
      [0, 0],
      [SESSION, 1],
      [SESSION, 2],
    ])
    expect(requests.slice(1).map(named)).toEqual([[], ['b[0]@9']])
  })

  it('names a partition whose leader epoch is another one, or is compared from now on', async () => {
    const { fetch, requests } = session()
    const reader = readerOf('a', 0, 9)
    await fetch(reader)
    reader.leaderEpoch = 3
    await fetch(reader)
    reader.isSuspect = true
    await fetch(reader)
    const epochs = requests.flatMap(({ topics }) => topics.flatMap(({ partitions }) => partitions))
    expect(epochs).toMatchObject([
      { fetchOffset: 9, lastFetchedEpoch: -1, currentLeaderEpoch: -1 },
      { fetchOffset: 9, lastFetchedEpoch: 3, currentLeaderEpoch: -1 },
      { fetchOffset: 9, lastFetchedEpoch: 3, currentLeaderEpoch: LEADER_EPOCH },
    ])
  })

  it('names a partition of which more bytes are requested', async () => {
    const { fetch, requests } = session()
    const reader = readerOf('a')
    await fetch(reader)
    reader.fetchSizeFactor = 2
    await fetch(reader)
    expect(requests[1]).toMatchObject({ maxBytes: 1_000, topics: [{ partitions: [{ partitionMaxBytes: 800 }] }] })
  })

  it('names partitions that are new, and those that are read no longer', async () => {
    const { fetch, requests } = session()
    const [a, b, c] = [readerOf('a', 4), readerOf('b'), readerOf('c')]
    await fetch(a, b)
    await fetch(b, c)
    await fetch(a, b, c)
    expect(named(requests[1])).toEqual(['c[0]@0'])
    expect(requests[1]?.forgottenTopicsData).toEqual([{ topic: 'a', partitions: [4] }])
    expect(named(requests[2])).toEqual(['a[4]@0'])
    expect(requests[2]?.forgottenTopicsData).toEqual([])
  })

  it('is replaced when a partition has a new reader, for which nothing is known', async () => {
    const { fetch, requests } = session()
    const [a, b] = [readerOf('a', 0, 8), readerOf('b')]
    await fetch(a, b)
    await fetch(readerOf('a', 0, 8), b)
    expect(requests[1]).toMatchObject({ sessionId: SESSION, sessionEpoch: 0, forgottenTopicsData: [] })
    expect(named(requests[1])).toEqual(['a[0]@8', 'b[0]@0'])
  })

  it('does not begin if the broker has no room for it: each request names all partitions', async () => {
    const reader = readerOf('a')
    const { fetch, requests } = session({ sessionId: 0 }, { sessionId: 0 })
    for (let i = 0; i < 3; i++) await fetch(reader)
    expect(requests.map(({ sessionId, sessionEpoch }) => [sessionId, sessionEpoch])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ])
    expect(requests.map(named)).toEqual([['a[0]@0'], ['a[0]@0'], ['a[0]@0']])
  })

  it('is replaced after a request without a response: the broker may have processed it', async () => {
    const lost = new Error('the connection is lost')
    const reader = readerOf('a')
    const { fetch, requests } = session({}, lost)
    await fetch(reader)
    await expect(fetch(reader)).rejects.toBe(lost)
    await fetch(reader)
    expect(requests[2]).toMatchObject({ sessionId: SESSION, sessionEpoch: 0 })
    expect(named(requests[2])).toEqual(['a[0]@0'])
  })

  it.each([
    ['was dropped by the broker', CODE.FETCH_SESSION_ID_NOT_FOUND],
    ['has missed a request', CODE.INVALID_FETCH_SESSION_EPOCH],
  ])('that %s is replaced without an error', async (_, errorCode) => {
    const reader = readerOf('a')
    const { fetch, requests } = session({}, { errorCode, sessionId: 0 })
    await fetch(reader)
    expect(await fetch(reader)).toEqual([])
    await fetch(reader)
    expect(requests[2]?.sessionEpoch).toBe(0)
    expect(named(requests[2])).toEqual(['a[0]@0'])
  })

  it.each([CODE.FETCH_SESSION_ID_NOT_FOUND, CODE.INVALID_FETCH_SESSION_EPOCH, CODE.UNKNOWN_SERVER_ERROR])(
    'that a broker refuses to begin with error %s is an error',
    async (errorCode) => {
      const { fetch } = session({ errorCode })
      await expect(fetch(readerOf('a'))).rejects.toMatchObject({ code: errorCode })
    },
  )

  it('names the rack', async () => {
    const { fetch, requests } = session()
    await fetch(readerOf('a'))
    expect(requests[0]?.rackId).toBe('rack-a')
  })
})

describe('the results of a fetch', () => {
  const response = (topic: string, partitionIndex: number) => ({
    topic,
    partitions: [{ partitionIndex, errorCode: CODE.NONE, highWatermark: 0, abortedTransactions: [], records: null }],
  })

  it('are those of the readers', async () => {
    const { fetch } = session({ responses: [response('b', 2), response('unknown', 0)] })
    const [a, b] = [readerOf('a'), readerOf('b', 2)]
    expect(await fetch(a, b)).toMatchObject([{ reader: b, isFromPreferredReplica: false }])
  })

  it('say whether they come from the preferred replica of a reader', async () => {
    const { fetch } = session({ responses: [response('a', 0), response('b', 0)] })
    const [a, b] = [readerOf('a'), readerOf('b')]
    b.preferredReplica = { node: BROKER, until: 1 }
    const results = await fetch(a, b)
    expect(results.map(({ isFromPreferredReplica }) => isFromPreferredReplica)).toEqual([false, true])
  })

  it('do not have a partition whose reader was closed or moved meanwhile', async () => {
    const { fetch } = session({ responses: [response('a', 0), response('b', 0)] })
    const [a, b] = [readerOf('a'), readerOf('b')]
    const fetched = fetch(a, b)
    a.close()
    b.position = 1
    expect(await fetched).toEqual([])
  })
})
