import { describe, expect, it } from 'vitest'
import { checkOptionNames, unknownOptions } from '../src/log.js'

const known = { commitEvery: true, maxIdle: true, log: true } as const

describe('unknown options', () => {
  it.each([
    ['a wrong letter', 'comitEvery', 'commitEvery'],
    ['two letters swapped', 'commitEveyr', 'commitEvery'],
    ['another case', 'maxidle', 'maxIdle'],
    ['a short name', 'lag', 'log'],
    ['no similar name', 'frequency', 'commitEvery, maxIdle, log'],
    ['a name that every object has', 'constructor', 'commitEvery, maxIdle, log'],
  ])('are reported with the nearest known name, or with all: %s', (_, name, use) => {
    expect(unknownOptions({ [name]: 1, log: 1 }, known)).toEqual([`there is no option ${name}: use ${use}`])
  })

  it('are none in known options, in no options, and in symbols', () => {
    expect(unknownOptions({ maxIdle: undefined, [Symbol.asyncDispose]: 1 }, known)).toEqual([])
    expect(unknownOptions(undefined, known)).toEqual([])
    expect(unknownOptions(null, known)).toEqual([])
  })

  it('are refused together', () => {
    expect(() => checkOptionNames('run', { comitEvery: 1, maxIddle: 1 }, known)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message:
          'OPTION_INVALID: run cannot use these options: there is no option comitEvery: use commitEvery; there is no option maxIddle: use maxIdle',
        problems: ['there is no option comitEvery: use commitEvery', 'there is no option maxIddle: use maxIdle'],
      }),
    )
    expect(() => checkOptionNames('run', { log: 1 }, known)).not.toThrow()
  })
})
