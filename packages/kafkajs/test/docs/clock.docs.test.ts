import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const SRC = new URL('../../src/', import.meta.url).pathname
const TIME = /\b(Date\.now|performance\.now|new Date\(\)|setInterval|setImmediate)\b|(?<!\.)\bsetTimeout\(/

it('the adapter uses only the clock of the log (law 10)', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const lines = files.flatMap((path) =>
    readFileSync(SRC + path, 'utf8')
      .split('\n')
      .filter((line) => TIME.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  )
  expect(lines).toEqual([])
})
