import { expect, it } from 'vitest'
import { joinery, parseProgram } from '../src/measured-program.js'

it('a program has a name and a command, which may contain the separator', () => {
  expect(parseProgram('streams=env A=1 java Main')).toEqual({ name: 'streams', command: 'env A=1 java Main' })
})

it('no program is called none', () => {
  expect(parseProgram('none')).toEqual({ name: 'none', command: undefined })
})

it("Joinery's program needs no command", () => {
  expect(parseProgram('joinery')).toEqual(joinery())
})

it.each(['streams', 'streams=', '=java Main'])('%s is refused', (text) => {
  expect(() => parseProgram(text)).toThrow('use NAME=COMMAND')
})

it('a commit interval of Joinery is in its name and in its environment', () => {
  expect(joinery('5ms').name).toBe('joinery, commitEvery 5ms')
  expect(joinery('5ms').command).toMatch(/^env COMMIT_EVERY=5ms .*activation\.js$/)
  expect(joinery().command).not.toContain('COMMIT_EVERY')
})
