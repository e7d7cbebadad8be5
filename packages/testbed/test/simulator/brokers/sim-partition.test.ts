import { expect, it } from 'vitest'
import { SimPartition } from '../../../src/simulator/brokers/sim-partition.js'

const bytes = (text: string) => new TextEncoder().encode(text)

it('compaction keeps a tombstone for the retention from the first pass that finds it, however old it is', () => {
  const partition = new SimPartition('prices', 0, {
    isAppendTime: false,
    maxAheadMs: Number.POSITIVE_INFINITY,
    accepts: () => true,
    leaderEpoch: () => 0,
  })
  const write = (value: Uint8Array | null) =>
    partition.append([{ topic: 'prices', partition: 0, key: bytes('p'), value, headers: [], timestamp: 0 }], 0, 0)
  write(bytes('old'))
  write(null)
  const offsets = () => partition.read(0, 10).records.map(({ offset }) => offset)
  partition.compact(50_000, 20_000)
  expect(offsets()).toEqual([1])
  partition.compact(69_999, 20_000)
  expect(offsets()).toEqual([1])
  partition.compact(70_000, 20_000)
  expect(offsets()).toEqual([])
})
