import { describe, expect, it } from 'vitest'
import { checkNamespace, storeKey } from '../src/store-key.js'

const id = { application: 'service-a', name: 'product-information', partition: 3, token: 1, changelogId: 'log' }

describe('the key of a store', () => {
  it('is readable, with the task in braces followed by the name', () => {
    expect(storeKey('joinery', id)).toBe('joinery:{service-a:3}:product-information')
    expect(storeKey('joinery', { ...id, name: '$waiters' })).toBe('joinery:{service-a:3}:%24waiters')
  })

  it('contains no braces, separators or patterns of names', () => {
    for (const name of ['{', '}', ':', '*', '?', '[a]', '\\', "'()!~", '{a}:0}', ' ', '\n', 'ü', '%7B']) {
      const key = storeKey('n', { ...id, application: name, name })
      expect(key).toMatch(/^n:\{[A-Za-z0-9._%-]+:3\}:[A-Za-z0-9._%-]+$/)
    }
  })

  it('is different for different stores', () => {
    const names = ['a', 'b', 'a:b', 'a}', '{a', 'a:1', '1', '', '%3A', ':']
    const keys = names.flatMap((application) =>
      names.flatMap((name) => [1, 11].map((partition) => storeKey('n', { ...id, application, name, partition }))),
    )
    expect(new Set(keys).size).toBe(names.length ** 2 * 2)
  })

  it('needs a well-formed name', () => {
    expect(() => storeKey('n', { ...id, name: '\ud800' })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })

  it('begins with a namespace of letters, digits and . _ -', () => {
    for (const namespace of ['a', 'A-Z_0.9', 'x'.repeat(64)]) expect(() => checkNamespace(namespace)).not.toThrow()
    for (const namespace of ['', 'a:b', '{a}', 'a*', 'ü', 'x'.repeat(65), 'a\n'])
      expect(() => checkNamespace(namespace)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})
