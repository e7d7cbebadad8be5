import { Damage } from './damage.js'
import type { PageRange } from './data-pages.js'

const WORD_BYTES = 8

/** Which pages of a file are in use, or free. Each is only once one of both: LMDB would overwrite pages that it needs. */
export class PageUse {
  readonly #pages: number
  readonly #used: Uint8Array

  constructor(pages: number) {
    this.#pages = pages
    this.#used = new Uint8Array(Math.ceil(pages / 8))
  }

  /** @throws Damage if one of the pages does not exist, or is in use or free already */
  add({ from, count }: PageRange): void {
    if (from < 2 || count < 1 || from + count > this.#pages)
      throw new Damage(`page ${from + count - 1} is not in the file`)
    for (let page = from; page < from + count; page++) {
      if (this.#has(page)) throw new Damage(`page ${page} is used twice`)
      this.#used[page >> 3] = (this.#used[page >> 3] as number) | (1 << (page & 7))
    }
  }

  /** Whether all pages from one on are free. Those that are in use must not have been added yet. */
  isFreeFrom(page: number): boolean {
    for (let at = page; at < this.#pages; at++) if (!this.#has(at)) return false
    return true
  }

  #has(page: number): boolean {
    return ((this.#used[page >> 3] as number) & (1 << (page & 7))) !== 0
  }

  /** @param list the number of entries that follow, and for each the number of a page, or minus a count before the first of several */
  addFree(list: Buffer): void {
    const entries = list.length < WORD_BYTES ? -1 : Number(list.readBigInt64LE(0))
    if (entries < 0 || (entries + 1) * WORD_BYTES > list.length) throw new Damage('a list of free pages is incomplete')
    let count = 1
    for (let i = 1; i <= entries; i++) {
      const entry = Number(list.readBigInt64LE(i * WORD_BYTES))
      if (entry > 0) this.add({ from: entry, count })
      count = entry < 0 ? -entry : 1
    }
  }
}
