import { expect, it } from 'vitest'
import { firstOfEachPartition, keyPartition } from '../../src/open-loop/key-partition.js'

const keyOf = (n: number): string => `p-${n}`

it('every partition has the first of the numbers whose keys belong to it', () => {
  const partitionOf = keyPartition(16)
  const firsts = firstOfEachPartition(16, 1_000, keyOf)
  expect(firsts.map((n) => partitionOf(keyOf(n))).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 16 }, (_, i) => i),
  )
  const isFirst = (n: number) =>
    Array.from({ length: n }, (_, i) => partitionOf(keyOf(i))).every((partition) => partition !== partitionOf(keyOf(n)))
  expect(firsts.filter((n) => !isFirst(n))).toEqual([])
})

it('a partition without a key is left out', () => {
  expect(firstOfEachPartition(16, 1, keyOf)).toEqual([0])
})
