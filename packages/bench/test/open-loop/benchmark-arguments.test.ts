import { expect, it } from 'vitest'
import { commonOptions, numbersOf } from '../../src/open-loop/benchmark-arguments.js'

const values = {
  runs: '3',
  seconds: '30',
  'warm-up': '10',
  'broker-warm-up': '20',
  rows: '100000',
  'resolution-ms': '1',
}

it('options are numbers', () => {
  expect(commonOptions(values)).toMatchObject({ runs: 3, seconds: 30, warmUpSeconds: 10, rows: 100_000 })
  expect(numbersOf('rates', '20,200', 1)).toEqual([20, 200])
})

it.each([
  ['runs', '0'],
  ['seconds', 'x'],
  ['warm-up', '-1'],
  ['rows', ''],
])('--%s %j is refused, and the message names the option', (name, value) => {
  expect(() => commonOptions({ ...values, [name]: value })).toThrow(`--${name} is ${value}: use a number`)
})

it.each(['', '20,', '20,x', '0'])('the list %j is refused', (text) => {
  expect(() => numbersOf('rates', text, 1)).toThrow('--rates')
})
