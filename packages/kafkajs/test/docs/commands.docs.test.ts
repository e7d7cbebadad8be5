import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documents, fences, ROOT } from '../../../core/test/docs/code-blocks.js'
import { parseCommandLine } from '../../src/cli/command-line.js'

const NAME = 'npx joinery '
/** Words, or text in single quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')

const commands = documents().flatMap((file) =>
  fences(file, readFileSync(join(ROOT, file), 'utf8'))
    .filter(({ info }) => info === 'sh')
    .flatMap(({ code }) => code.replaceAll(/\\\n\s*/g, '').split('\n'))
    .filter((line) => line.startsWith(NAME))
    .map((line) => ({ file, args: line.slice(NAME.length) })),
)

describe('a command line of joinery in a document', () => {
  it('exists: list, resolve, help', () => {
    expect(commands.length).toBeGreaterThanOrEqual(6)
  })

  it.each(commands)('of $file can be parsed: $args', ({ args }) => {
    expect(() => parseCommandLine(words(args))).not.toThrow()
  })
})
