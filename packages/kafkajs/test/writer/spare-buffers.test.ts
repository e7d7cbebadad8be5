import { describe, expect, it } from 'vitest'
import { SpareBuffers } from '../../src/writer/spare-buffers.js'

const MIB = 2 ** 20

describe('spare buffers', () => {
  it('are filled again, the last one first', () => {
    const spare = new SpareBuffers()
    const [first, second] = [Buffer.alloc(1), Buffer.alloc(2)]
    spare.give(first)
    spare.give(second)
    expect(spare.take()).toBe(second)
    expect(spare.take()).toBe(first)
  })

  it('are made when there is none', () => {
    const spare = new SpareBuffers()
    expect(spare.take().length).toBeGreaterThan(0)
    expect(spare.take()).not.toBe(spare.take())
  })

  it('hold 4 MiB together and no more, however often they are taken and given back', () => {
    const spare = new SpareBuffers()
    const held = [1, 2, 3, 4].map(() => Buffer.alloc(MIB))
    const tooMuch = Buffer.alloc(1)
    for (let round = 0; round < 3; round++) {
      for (const buffer of held) spare.give(buffer)
      spare.give(tooMuch)
      const taken = held.map(() => spare.take())
      expect(new Set(taken)).toEqual(new Set(held))
    }
    expect(spare.take()).not.toBe(tooMuch)
  })
})
