import { describe, expect, it } from 'vitest'
import { bytes, int64, text, topic } from '../../src/index.js'

describe('a topic', () => {
  it('has the same serdes under another name', () => {
    const first = topic('a', { key: text(), value: int64() })
    const second = first.named('b')
    expect([second.kind, second.name, second.key, second.value]).toEqual(['topic', 'b', first.key, first.value])
  })

  it.each(['a', 'A-z_0.9', '...', '__consumer', 'x'.repeat(249)])('may be called %s', (name) => {
    expect(topic(name, { key: bytes(), value: bytes() }).name).toBe(name)
  })

  it.each(['', '.', '..', 'a b', 'a/b', 'é', 'a\n', 'x'.repeat(250)])('may not be called %j', (name) => {
    const define = () => topic(name, { key: bytes(), value: bytes() })
    expect(define).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => topic('a', { key: bytes(), value: bytes() }).named(name)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
