import { describe, expect, it } from 'vitest'
import { Screen } from '../../src/demo/screen.js'

const screen = (isTTY: boolean, env: Record<string, string> = {}) => {
  const written: string[] = []
  return { written, screen: new Screen({ write: (text) => written.push(text), isTTY, columns: 20 }, env) }
}
const ESCAPE = '\u001b'

describe('the screen', () => {
  it('writes plain lines where there is no terminal', () => {
    const { screen: plain, written } = screen(false)
    plain.status('half')
    plain.line(plain.colour('red', 'a line'))
    plain.status('')
    expect(written.join('')).toBe('half\na line\n')
  })

  it('keeps the status below the lines of a terminal, in one row', () => {
    const { screen: live, written } = screen(true)
    live.status('a status that is too long for the terminal')
    live.line('a line')
    expect(written.at(-1)).toBe(`\r${ESCAPE}[2Ka line\na status that is to`)
  })

  it('colours a terminal, unless NO_COLOR or a dumb terminal forbid it', () => {
    const coloured = (env: Record<string, string>) => screen(true, env).screen.colour('red', 'x').includes(ESCAPE)
    expect(coloured({})).toBe(true)
    expect(coloured({ NO_COLOR: '' })).toBe(true)
    expect(coloured({ NO_COLOR: '1' })).toBe(false)
    expect(coloured({ TERM: 'dumb' })).toBe(false)
  })
})
