import { describe, expect, it } from 'vitest'
import { parseCommandLine } from '../../src/cli/command-line.js'

const place = ['--application', 'service-b', '--brokers', 'a:9092,[::1]:9093']
const decision = ['--id', 'a/b/0/7', '--decided-by', 'ops', '--reason', 'asked them']

describe('the command line of joinery', () => {
  it('lists', () => {
    expect(parseCommandLine(['calls', 'list', ...place])).toEqual({
      type: 'list',
      application: 'service-b',
      connection: { brokers: ['a:9092', '[::1]:9093'], tls: undefined, sasl: undefined },
      json: false,
    })
  })

  it('decides', () => {
    expect(parseCommandLine(['calls', 'resolve', ...place, ...decision, '--done', '--result', '{}'])).toMatchObject({
      type: 'resolve',
      id: 'a/b/0/7',
      outcome: 'done',
      result: '{}',
      decidedBy: 'ops',
      reason: 'asked them',
      claimantHasEnded: false,
    })
    expect(
      parseCommandLine(['calls', 'resolve', ...place, ...decision, '--not-sent', '--claimant-has-ended']),
    ).toMatchObject({ outcome: 'not-sent', claimantHasEnded: true })
  })

  it('connects with TLS and SASL, or with the configuration of a module', () => {
    const sasl = ['--sasl-mechanism', 'plain', '--sasl-username', 'ops']
    expect(parseCommandLine(['calls', 'list', ...place, '--tls-ca', 'ca.pem', ...sasl])).toMatchObject({
      connection: { tls: { ca: 'ca.pem' }, sasl: { mechanism: 'plain', username: 'ops' } },
    })
    expect(parseCommandLine(['calls', 'list', '--application', 'b', '--config', './kafka.mjs'])).toMatchObject({
      connection: { config: './kafka.mjs' },
    })
  })

  it.each([[[]], [['--help']], [['calls', 'resolve', '--help']]])('shows the help for %j', (args) => {
    expect(parseCommandLine(args)).toEqual({ type: 'help' })
  })

  it.each([
    [['calls', 'show', ...place], '"calls show" is not a command'],
    [['calls', 'resolve', ...place, ...decision, '--done', 'stray'], 'quotes around text'],
    [['calls', 'list', '--brokers', 'a:1'], '--application is missing'],
    [['calls', 'list', '--application', ' ', '--brokers', 'a:1'], '--application is missing'],
    [['calls', 'list', '--application', 'b'], 'no brokers'],
    [['calls', 'list', '--application', 'b', '--brokers', 'a'], 'host:port'],
    [['calls', 'list', ...place, '--config', 'x.mjs'], 'remove --brokers'],
    [['calls', 'list', ...place, '--id', 'x'], '--id belongs to "calls resolve"'],
    [['calls', 'list', ...place, '--tls-cert', 'x'], 'require each other'],
    [['calls', 'list', ...place, '--sasl-username', 'x'], '--sasl-mechanism must be one of'],
    [['calls', 'list', ...place, '--password', 'secret'], '--password'],
    [['calls', 'resolve', ...place, ...decision], 'one of --done'],
    [['calls', 'resolve', ...place, ...decision, '--done', '--abandoned'], 'one of --done'],
    [['calls', 'resolve', ...place, ...decision, '--not-sent', '--result', 'x'], '--result belongs to --done'],
    [['calls', 'resolve', ...place, '--id', 'x', '--decided-by', 'ops', '--abandoned'], '--reason is missing'],
  ])('reports what is wrong with %j', (args, text) => {
    expect(() => parseCommandLine(args)).toThrow(text)
  })
})
