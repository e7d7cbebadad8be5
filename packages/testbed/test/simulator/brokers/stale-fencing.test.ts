import { expect, it } from 'vitest'
import { SimCluster } from '../../../src/simulator/brokers/sim-cluster.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { Random } from '../../../src/simulator/random.js'

const ID = 'sim-b.0'

function openTransaction() {
  const cluster = new SimCluster(new EventLoop(new Random(1)), {
    deleteRetentionMs: 0,
    transactionVersion: 2,
    releases: ['4.3'],
  })
  cluster.create('t', { partitions: 1, cleanup: 'delete' })
  const partition = cluster.partition('t', 0)
  const { identity } = cluster.transactions.init(ID, 30_000)
  const record = { topic: 't', key: null, value: null, timestamp: 0, headers: [] }
  if (identity === undefined) throw new Error('the transactional id has no producer id')
  cluster.transactions.produce(ID, partition, { ...identity, sequence: 0, records: [record] }, true)
  return { cluster, partition }
}

it('an instance that was no member since it saw a transaction must not end it', () => {
  const { cluster, partition } = openTransaction()
  cluster.staleFencing.lastMemberAt = () => -1
  cluster.staleFencing.seen('a', partition, 0)
  cluster.staleFencing.fences('a', ID)
  expect(cluster.violations).toHaveLength(1)
})

it('a member may end a transaction, and an instance its own', () => {
  const { cluster, partition } = openTransaction()
  cluster.staleFencing.seen('a', partition, 0)
  cluster.staleFencing.fences('a', ID)
  cluster.staleFencing.lastMemberAt = () => -1
  cluster.staleFencing.seen('b', partition, 0)
  cluster.staleFencing.fences('b', ID)
  expect(cluster.violations).toEqual([])
})

it('a transaction that the instance has not seen is not judged', () => {
  const { cluster, partition } = openTransaction()
  cluster.staleFencing.lastMemberAt = () => -1
  cluster.staleFencing.seen('a', partition, 1)
  cluster.staleFencing.fences('a', ID)
  expect(cluster.violations).toEqual([])
})
