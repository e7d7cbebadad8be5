import { describe, expect, it } from 'vitest'
import { OutputSilence } from '../../src/frozen/output-silence.js'

const counts = (...values: number[]) => new Map(values.map((value, partition) => [partition, value]))

describe('the silence of outputs', () => {
  it('of one partition is measured while another one has outputs', () => {
    const silence = new OutputSilence(0)
    for (let second = 0; second <= 30; second++)
      silence.observe(second * 1_000, counts(second + 1, Math.min(second, 5) + 1), counts(second + 1, second + 1))
    expect([silence.longestMs, silence.longestOfPartitionMs]).toEqual([1_000, 25_000])
  })

  it('of all partitions is measured', () => {
    const silence = new OutputSilence(0)
    for (let second = 0; second <= 10; second++) silence.observe(second * 1_000, counts(3, 3), counts(4, 3))
    expect([silence.longestMs, silence.longestOfPartitionMs]).toEqual([10_000, 10_000])
  })

  it('is none without events', () => {
    const silence = new OutputSilence(0)
    for (let second = 0; second <= 10; second++) silence.observe(second * 1_000, counts(3, 3), counts(3, 3))
    expect([silence.longestMs, silence.longestOfPartitionMs]).toEqual([0, 0])
  })

  it('of a partition without a task lasts until it has outputs again', () => {
    const silence = new OutputSilence(0)
    silence.observe(0, counts(3), counts(3))
    silence.observe(1_000, counts(3), counts(3))
    silence.observe(9_000, new Map(), counts(5))
    silence.observe(10_000, counts(5), counts(5))
    expect(silence.longestOfPartitionMs).toBe(8_000)
  })
})
