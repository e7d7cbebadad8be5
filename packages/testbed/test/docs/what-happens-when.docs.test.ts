import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PARTS } from '../../src/crash/parts.js'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const PAGE = join(ROOT, 'docs/what-happens-when.md')
const SCRIPTS = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts

/** What a last column names in code font: commands (`pnpm …`) and parts of the crash tests. */
function named(shownBy: string): { commands: string[]; parts: string[] } {
  const all = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
  return {
    commands: all.filter((name) => name.startsWith('pnpm ')).map((name) => name.slice('pnpm '.length)),
    parts: all.filter((name) => !name.startsWith('pnpm ')),
  }
}

/** The faults of the page, with their last column. */
const faults = readFileSync(PAGE, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (When|-)/.test(line))
  .map((line) => line.split(' | '))
  .map((cells) => ({ when: cells[0]?.slice(2).trim() ?? '', shownBy: cells.at(-1)?.replace(/\|$/, '').trim() ?? '' }))

describe('docs/what-happens-when.md', () => {
  it.each(faults)('$when: is shown by tests that exist', ({ shownBy }) => {
    const { commands, parts } = named(shownBy)
    const files = [...shownBy.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file)
    expect(commands.length + parts.length + files.length).toBeGreaterThan(0)
    expect(Object.keys(SCRIPTS)).toEqual(expect.arrayContaining(commands))
    expect(Object.keys(PARTS)).toEqual(expect.arrayContaining(parts))
    for (const file of files) {
      expect(file).toMatch(/\.i?test\.ts$/)
      expect(existsSync(join(dirname(PAGE), file)), file).toBe(true)
    }
  })

  it('has the faults of every part of the crash tests', () => {
    const parts = new Set(faults.flatMap(({ shownBy }) => named(shownBy).parts))
    expect([...parts].sort()).toEqual(Object.keys(PARTS).sort())
  })
})
