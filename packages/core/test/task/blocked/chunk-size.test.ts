import { expect, it } from 'vitest'
import { ChunkSize } from '../../../src/task/blocked/chunk-size.js'

it('grows from one record to eight, and is one record for good once several have taken long', () => {
  const chunk = new ChunkSize()
  expect(Array.from({ length: 6 }, () => chunk.next())).toEqual([1, 2, 4, 8, 8, 8])
  chunk.tookLong()
  expect(Array.from({ length: 3 }, () => chunk.next())).toEqual([1, 1, 1])
})
