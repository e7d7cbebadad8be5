import { describe, expect, it } from 'vitest'
import { recordsRefused } from '../../../src/log.js'
import { RefusedOutputs } from '../../../src/task/commit/refused-outputs.js'

const origin = (offset: number) => Buffer.from(`app/in/0/${offset}`)
const refusal = (topic: string, offset: number) => ({
  topic,
  partition: 0,
  headers: [
    ['joinery-origin', Buffer.from('of an earlier hop')],
    ['joinery-origin', origin(offset)],
  ] as const,
  reason: `no ${offset}`,
})

describe('refused outputs', () => {
  it('are found by topic and origin', () => {
    const refused = new RefusedOutputs()
    refused.add(recordsRefused([refusal('out', 1), refusal('out', 2), refusal('dead', 1)], undefined))
    expect(refused.find('out', origin(2))).toEqual({ reason: 'no 2', times: 1 })
    expect(refused.find('dead', origin(1))).toEqual({ reason: 'no 1', times: 1 })
    expect(refused.find('dead', origin(2))).toBeUndefined()
    expect(refused.find('out', origin(21))).toBeUndefined()
  })

  it('are counted', () => {
    const refused = new RefusedOutputs()
    const error = recordsRefused([refusal('out', 1)], undefined)
    refused.add(error)
    refused.add(error)
    expect(refused.find('out', origin(1))?.times).toBe(2)
  })

  it('are forgotten one by one', () => {
    const refused = new RefusedOutputs()
    refused.add(recordsRefused([refusal('out', 1), refusal('out', 2)], undefined))
    refused.delete('out', origin(1))
    expect(refused.find('out', origin(1))).toBeUndefined()
    expect(refused.find('out', origin(2))).toBeDefined()
  })

  it('come from no other error', () => {
    const refused = new RefusedOutputs()
    refused.add(new Error('rejected'))
    refused.add(undefined)
    refused.add(recordsRefused([{ ...refusal('out', 1), headers: [] }], undefined))
    expect(refused.find('out', origin(1))).toBeUndefined()
  })
})
