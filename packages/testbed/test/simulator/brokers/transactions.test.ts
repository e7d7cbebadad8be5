import { expect, it } from 'vitest'
import { SimPartition } from '../../../src/simulator/brokers/sim-partition.js'
import type { ProducerIdAndEpoch } from '../../../src/simulator/brokers/transaction-state.js'
import { Transactions } from '../../../src/simulator/brokers/transactions.js'
import { EventLoop } from '../../../src/simulator/event-loop.js'
import { Random } from '../../../src/simulator/random.js'

const RECORD = { topic: 't', key: null, value: null, timestamp: 0, headers: [] }

async function commits(count: number, options: { readonly epochs: number; readonly repeatedMarkerRate: number }) {
  const eventLoop = new EventLoop(new Random(1))
  const transactions = new Transactions(eventLoop, 2, {
    ...options,
    random: new Random(1),
    canWrite: () => true,
    skipsAborts: () => false,
  })
  const partition = new SimPartition('t', 0, {
    isAppendTime: true,
    maxAheadMs: 0,
    accepts: () => true,
    leaderEpoch: () => 0,
  })
  let identity = transactions.init('x', 30_000).identity as ProducerIdAndEpoch
  const used = [identity]
  for (let i = 0; i < count; i++) {
    transactions.produce('x', partition, { ...identity, sequence: 0, records: [RECORD] }, true)
    const ended = transactions.end('x', identity, true, true)
    const until = eventLoop.now + 1_000
    await eventLoop.run(() => eventLoop.now > until, 1_000)
    expect(transactions.end('x', identity, true, true)).toEqual(ended)
    identity = ended.identity as ProducerIdAndEpoch
    used.push(identity)
  }
  return { partition, used }
}

it('a transactional id gets another producer id when the epochs of the last one are used up', async () => {
  const { used, partition } = await commits(4, { epochs: 3, repeatedMarkerRate: 0 })
  expect(used.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 0, 1])
  expect(new Set(used.map(({ producer }) => producer)).size).toBe(2)
  expect(partition.lastStableOffset).toBe(8)
})

it('a leader writes a marker twice whose response was lost', async () => {
  const { partition } = await commits(1, { epochs: 100, repeatedMarkerRate: 1 })
  expect(partition.entries.map(({ marker }) => marker)).toEqual([undefined, 'commit', 'commit'])
  expect(partition.lastStableOffset).toBe(3)
})
