import { systemClock } from '@joinery/core'
import { expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { RequestOf } from '../../src/protocol/api.js'
import type { LIST_OFFSETS } from '../../src/protocol/list-offsets.js'
import { OffsetLookup } from '../../src/reader/offset-lookup.js'

const LATEST = -1
const EARLIEST = -2
const COMMITTED = 1
const query = (topic: string, partition: number, timestamp = LATEST) => ({
  topic,
  partition,
  timestamp,
  isolationLevel: COMMITTED,
})

/** Two leaders, of even and of odd partitions. Each partition has as many offsets as its number. */
function leaders(fail: (leader: number) => void = () => {}) {
  const requests: { readonly leader: number; readonly partitions: readonly string[] }[] = []
  const cluster = {
    clock: systemClock,
    leaderOf: async (topic: string, partition: number) => {
      if (topic === 'unknown') throw new Error('no leader')
      return partition % 2
    },
    request: async (leader: number, _channel: string, _api: unknown, request: RequestOf<typeof LIST_OFFSETS>) => {
      const all = request.topics.flatMap(({ name, partitions }) => partitions.map((each) => ({ name, ...each })))
      requests.push({ leader, partitions: all.map(({ name, partitionIndex }) => `${name}/${partitionIndex}`) })
      fail(leader)
      return {
        topics: request.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex, timestamp }) => ({
            partitionIndex,
            errorCode: name === 'moved' ? 6 : 0,
            offset: timestamp === EARLIEST ? 0 : partitionIndex,
          })),
        })),
      }
    },
  } as unknown as KafkaCluster
  return { lookup: new OffsetLookup(cluster), requests }
}

it('sends one request to each leader for everything that is looked up at the same time', async () => {
  const { lookup, requests } = leaders()
  const found = await Promise.all([0, 1, 2, 3].map((partition) => lookup.lookUp(query('t', partition))))
  expect(found).toEqual([0, 1, 2, 3])
  expect(requests).toEqual([
    { leader: 0, partitions: ['t/0', 't/2'] },
    { leader: 1, partitions: ['t/1', 't/3'] },
  ])
})

it('requests a partition once for all that look it up, and first and last offsets apart', async () => {
  const { lookup, requests } = leaders()
  const queries = [query('t', 2), query('t', 2), query('t', 2, EARLIEST)]
  expect(await Promise.all(queries.map((each) => lookup.lookUp(each)))).toEqual([2, 2, 0])
  expect(requests.map(({ partitions }) => partitions)).toEqual([['t/2'], ['t/2']])
})

it('fails only those whose leader is unknown, has moved or does not respond', async () => {
  const { lookup } = leaders((leader) => {
    if (leader === 1) throw new Error('no response')
  })
  const queries = [query('unknown', 0), query('moved', 0), query('t', 0), query('t', 1)]
  const results = await Promise.allSettled(queries.map((each) => lookup.lookUp(each)))
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : String(result.reason)))).toEqual([
    'Error: no leader',
    'ProtocolError: ListOffsets of moved[0] failed with NOT_LEADER_OR_FOLLOWER',
    0,
    'Error: no response',
  ])
})

it('looks up again what is requested later', async () => {
  const { lookup, requests } = leaders()
  await lookup.lookUp(query('t', 0))
  await lookup.lookUp(query('t', 0))
  expect(requests.length).toBe(2)
})
