import { describe, expect, it } from 'vitest'
import { Terminal } from '../../src/demo/terminal.js'

const open = (isTTY: boolean, env: Record<string, string> = {}) => {
  const written: string[] = []
  return { written, terminal: new Terminal({ write: (text) => written.push(text), isTTY, columns: 20 }, env) }
}
const ESCAPE = '\u001b'

describe('the terminal', () => {
  it('writes plain lines where there is no terminal', () => {
    const { terminal: plain, written } = open(false)
    plain.status('half')
    plain.line(plain.colour('red', 'a line'))
    plain.status('')
    expect(written.join('')).toBe('half\na line\n')
  })

  it('keeps the status below the lines of a terminal, in one row', () => {
    const { terminal: live, written } = open(true)
    live.status('a status that is too long for the terminal')
    live.line('a line')
    expect(written.at(-1)).toBe(`\r${ESCAPE}[2Ka line\na status that is to`)
  })

  it('colours a terminal, unless NO_COLOR or a dumb terminal forbid it', () => {
    const coloured = (env: Record<string, string>) => open(true, env).terminal.colour('red', 'x').includes(ESCAPE)
    expect(coloured({})).toBe(true)
    expect(coloured({ NO_COLOR: '' })).toBe(true)
    expect(coloured({ NO_COLOR: '1' })).toBe(false)
    expect(coloured({ TERM: 'dumb' })).toBe(false)
  })
})
