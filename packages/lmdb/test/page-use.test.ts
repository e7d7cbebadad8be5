import { describe, expect, it } from 'vitest'
import { Damage } from '../src/damage.js'
import { PageUse } from '../src/page-use.js'

const list = (...entries: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(8 * entries.length)
  for (const [i, entry] of entries.entries()) bytes.writeBigInt64LE(BigInt(entry), 8 * i)
  return bytes
}

/** @returns the use of the pages 2 to 19, of which 5, 7 and 10 to 12 are free */
function use(): PageUse {
  const pages = new PageUse(20)
  pages.addFree(list(6, 5, 0, 7, -3, 10, 0, 99))
  return pages
}

describe('the use of pages', () => {
  it('is one for each page', () => {
    for (const from of [5, 7, 10, 11, 12]) expect(() => use().add({ from, count: 1 }), `${from}`).toThrow(Damage)
    for (const from of [2, 6, 8, 9, 13, 19]) {
      const pages = use()
      pages.add({ from, count: 1 })
      expect(() => pages.add({ from, count: 1 })).toThrow(Damage)
    }
    expect(() => use().add({ from: 8, count: 3 })).toThrow(Damage)
    use().add({ from: 13, count: 7 })
  })

  it('is only that of pages in the file', () => {
    for (const range of [
      { from: 1, count: 1 },
      { from: 20, count: 1 },
      { from: 19, count: 2 },
      { from: 3, count: 0 },
    ])
      expect(() => use().add(range)).toThrow(Damage)
    expect(() => use().addFree(list(1, 20))).toThrow(Damage)
    expect(() => use().addFree(list(2, -5, 16))).toThrow(Damage)
  })

  it('is not known from a list that is incomplete', () => {
    for (const incomplete of [list(2, 3), list(-1), Buffer.alloc(7)])
      expect(() => use().addFree(incomplete)).toThrow(Damage)
  })

  it('reports whether all pages from one on are free', () => {
    const pages = use()
    expect(pages.isFreeFrom(20)).toBe(true)
    expect(pages.isFreeFrom(19)).toBe(false)
    pages.addFree(list(2, -7, 13))
    expect([10, 9].map((page) => pages.isFreeFrom(page))).toEqual([true, false])
  })
})
