import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PARTS } from '../../src/crash/parts.js'

const PAGE = fileURLToPath(new URL('../../../../docs/what-happens-when.md', import.meta.url))

/** The faults of the page, with their last column. */
const faults = readFileSync(PAGE, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (When|-)/.test(line))
  .map((line) => line.split(' | '))
  .map((cells) => ({ when: cells[0]?.slice(2).trim() ?? '', shownBy: cells.at(-1)?.replace(/\|$/, '').trim() ?? '' }))

describe('docs/what-happens-when.md', () => {
  it.each(faults)('$when: is shown by tests that exist', ({ shownBy }) => {
    const parts = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, part]) => part)
    const files = [...shownBy.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file)
    expect(parts.length + files.length).toBeGreaterThan(0)
    expect(Object.keys(PARTS)).toEqual(expect.arrayContaining(parts))
    for (const file of files) {
      expect(file).toMatch(/\.i?test\.ts$/)
      expect(existsSync(join(dirname(PAGE), file)), file).toBe(true)
    }
  })

  it('has the faults of every part of the crash tests', () => {
    const named = new Set(faults.flatMap(({ shownBy }) => [...shownBy.matchAll(/`([^`]+)`/g)].map(([, part]) => part)))
    expect([...named].sort()).toEqual(Object.keys(PARTS).sort())
  })
})
