import { describe, expect, it } from 'vitest'
import { parseCommandLine } from '../../src/demo/options.js'

const options = (...args: string[]) => {
  const commandLine = parseCommandLine(args)
  return commandLine.command === 'run' ? commandLine.options : commandLine
}

describe('the command line', () => {
  it('runs a few hundred activations on the embedded log by default', () => {
    expect(options()).toEqual({
      activations: 300,
      atMost: '2s',
      seed: 1,
      kafka: undefined,
      clean: false,
      json: false,
    })
  })

  it('takes all options', () => {
    expect(
      options(
        '--activations',
        '1000',
        '--at-most=500ms',
        '--seed',
        '7',
        '--kafka',
        'a:9092,[::1]:9093',
        '--clean',
        '--json',
      ),
    ).toEqual({
      activations: 1000,
      atMost: '500ms',
      seed: 7,
      kafka: ['a:9092', '[::1]:9093'],
      clean: true,
      json: true,
    })
  })

  it.each([[['--kafka']], [['--kafka', '--json']], [['--json', '--kafka']]])('finds no brokers in %j', (args) => {
    expect(options(...args)).toMatchObject({ kafka: [] })
  })

  it('shows the help whatever the other options are', () => {
    expect(parseCommandLine(['--json', '--help'])).toEqual({ command: 'help' })
  })

  it.each([
    [['--activation', '3'], '--activation'],
    [['--activations'], '--activations'],
    [['--activations', '0'], 'a whole number from 1 to 1000000'],
    [['--activations', '1e3'], '"1e3"'],
    [['--activations', '-5'], '--activations'],
    [['--activations=1000001'], '1000001'],
    [['--seed', 'x'], '--seed is "x"'],
    [['--at-most', '2'], "'30s' or '1.5h'"],
    [['--at-most', '10ms'], 'from 200ms to 5m'],
    [['--at-most', '6m'], 'from 200ms to 5m'],
    [['--kafka', 'localhost'], 'host:port'],
    [['--kafka', 'a:1,'], '""'],
    [['--json=yes'], '--json'],
    [['300'], '300'],
  ])('reports what is wrong with %j', (args, text) => {
    expect(parseCommandLine(args)).toEqual({ command: 'usage', problem: expect.stringContaining(text) })
  })
})
