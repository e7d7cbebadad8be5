import { Damage } from './damage.js'
import { DataPages, isDatabase, PAGE_BYTES, type PageNode, rootOf } from './data-pages.js'
import { PageUse } from './page-use.js'

/** How much of a file is read: the roots of all databases, or every page that is in use. */
export type CheckDepth = 'roots' | 'pages'

/** What a data file holds. */
export interface CheckedFile {
  /** The keys of the main database: the names of other databases, each with a NUL at its end. */
  readonly names: readonly string[]
  readonly pageBytes: number
  /** What is damaged; `undefined` if nothing was found. */
  readonly damage: string | undefined
}

/** Reads a data file without LMDB, which ends the process if it finds a page that it cannot read. */
export function checkPages(file: string, depth: CheckDepth): CheckedFile {
  const names: string[] = []
  let pageBytes = PAGE_BYTES
  const pages = new DataPages(file)
  try {
    const meta = pages.meta()
    if (meta === undefined) throw new Damage('data.mdb does not begin as a file of LMDB')
    pageBytes = meta.pageBytes
    if (pageBytes !== PAGE_BYTES) throw new Damage(`its pages have ${pageBytes} bytes`)
    const use = new PageUse(meta.pages)
    const trees = new TreeCheck(pages, meta.pages, use)
    trees.check(meta.freeRoot, (node) => trees.checkFree(node))
    // LMDB may omit free pages at the end: if others are missing, all are read to find out which ones are in use
    const isShort = !use.isFreeFrom(Math.floor(pages.bytes / PAGE_BYTES))
    trees.check(meta.mainRoot, (node) => {
      names.push(node.key.toString())
      if (!isDatabase(node)) trees.checkValue(node)
      else if (isShort || depth === 'pages') trees.check(rootOf(node.value), (of) => trees.checkValue(of))
      else trees.checkRoot(rootOf(node.value))
    })
    return { names, pageBytes, damage: undefined }
  } catch (error) {
    if (error instanceof Damage) return { names, pageBytes, damage: error.message }
    throw error
  } finally {
    pages.close()
  }
}

/** Checks that LMDB can read trees of pages. */
class TreeCheck {
  readonly #pages: DataPages
  readonly #count: number
  readonly #use: PageUse

  constructor(pages: DataPages, count: number, use: PageUse) {
    this.#pages = pages
    this.#count = count
    this.#use = use
  }

  /** @param each called for each entry of a leaf */
  check(root: number | undefined, each: (node: PageNode) => void): void {
    const next = root === undefined ? [] : [root]
    while (next.length > 0) {
      const { isBranch, nodes } = this.#nodes(next.pop() as number)
      for (const node of nodes) {
        if (isBranch) next.push(node.child)
        else each(node)
      }
    }
  }

  checkRoot(root: number | undefined): void {
    if (root !== undefined) this.#nodes(root)
  }

  /** Checks the pages of a value. */
  checkValue(node: PageNode): void {
    const large = this.#pages.largeValue(node, this.#count)
    if (large !== undefined) this.#use.add(large)
  }

  /** Checks an entry of the database of free pages. */
  checkFree(node: PageNode): void {
    this.checkValue(node)
    this.#use.addFree(this.#pages.value(node, this.#pages.largeValue(node, this.#count)))
  }

  #nodes(page: number): ReturnType<DataPages['nodes']> {
    this.#use.add({ from: page, count: 1 })
    return this.#pages.nodes(page, this.#count)
  }
}
