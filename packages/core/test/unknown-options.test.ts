import { describe, expect, it } from 'vitest'
import {
  consume,
  type InDoubtCall,
  inDoubtCalls,
  json,
  memoryLog,
  memoryStores,
  reset,
  run,
  stream,
  text,
  topic,
} from '../src/index.js'
import { checkOptionNames, composeLog, unknownOptions } from '../src/log.js'
import { openOperator } from '../src/operator.js'
import {
  faultyLog,
  faultyStores,
  inputOrder,
  logSuite,
  stateStoreSuite,
  type TestApi,
  testDriver,
} from '../src/testing.js'

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

describe('a misspelt option is refused by', () => {
  const events = topic('events', { key: text(), value: text() })
  const out = topic('out', { key: text(), value: text() })
  const pipeline = () => stream(events).to(out)
  const [log, stores] = [memoryLog(), memoryStores()]
  const api: TestApi = { describe: () => {}, it: () => {} }
  const app = async () => run(pipeline(), { application: `app-${Math.random()}`, log: memoryLog() })
  const decision = { outcome: 'not-sent', decidedBy: 'ops', reason: 'asked them', claimantHasEndet: true } as const
  const claimant = { instance: 'i', host: 'a', pid: 1, startedAt: 0 }
  const record = { topic: 'events', partition: 0, offset: 0, key: null, value: null, timestamp: 0, headers: [] }
  const call = { id: 'x', pipeline: 'p', token: 't', claimant, origin: record, record, since: 0, reason: '' }
  const inDoubt: InDoubtCall = { ...call, claimantFinished: true }

  // a variable, so that the compiler does not object
  const takers: Readonly<Record<string, [take: (options: never) => unknown, misspelt: object, problem: string]>> = {
    run: [
      (given) => run(pipeline(), given),
      { application: 'a', log, comitEvery: '1s' },
      'comitEvery: use commitEvery',
    ],
    close: [async (given) => (await app()).close(given), { timeOut: '1s' }, 'timeOut: use timeout'],
    reset: [(given) => reset(pipeline(), given), { application: 'a', log, stream: 'latest' }, 'stream: use streams'],
    consume: [(given) => consume(log, events, given).next(), { util: 'end' }, 'util: use until'],
    inDoubtCalls: [inDoubtCalls, { application: 'a', log, clok: 1 }, 'clok: use clock'],
    resolve: [
      (given) => inDoubtCalls({ application: 'a', log }).resolve(inDoubt, given),
      decision,
      'claimantHasEndet: use claimantHasEnded',
    ],
    json: [json as (given: never) => unknown, { maxByte: 10 }, 'maxByte: use maxBytes'],
    memoryStores: [memoryStores, { maxRow: 10 }, 'maxRow: use maxRows'],
    cache: [
      (cache) => run(pipeline(), { application: 'a', log, cache }),
      { rows: 10, byte: '1MiB' },
      'byte: use bytes',
    ],
    memoryLog: [memoryLog, { partition: 2 }, 'partition: use partitions'],
    'topics.events': [
      (given) => memoryLog({ topics: { events: given } }),
      { cleanUp: 'compact' },
      'cleanUp: use cleanup',
    ],
    retain: [(retain) => memoryLog({ retain }), { record: 1 }, 'record: use records'],
    composeLog: [composeLog as (given: never) => unknown, { ...log, guages: () => ({}) }, 'guages: use gauges'],
    openOperator: [
      (given) => openOperator(pipeline(), given),
      { application: 'a', partition: 0, tokn: 1 },
      'tokn: use token',
    ],
    'outputs.out': [
      (given) => openOperator(pipeline(), { application: 'a', partition: 0, outputs: { out: given } }),
      { partition: 1 },
      'partition: use partitions',
    ],
    changelog: [
      (changelog) => openOperator(pipeline(), { application: 'a', partition: 0, changelog }),
      { maxMessageByte: 1 },
      'maxMessageByte: use maxMessageBytes',
    ],
    testDriver: [(given) => testDriver(pipeline(), given), { partition: 2 }, 'partition: use partitions'],
    faultyLog: [(faults) => faultyLog(log, faults), { comit: () => undefined }, 'comit: use commit'],
    faultyStores: [(faults) => faultyStores(stores, faults), { getmany: () => false }, 'getmany: use getMany'],
    inputOrder: [(given) => inputOrder(['a'], given), { maxidle: 0 }, 'maxidle: use maxIdle'],
    logSuite: [(given) => logSuite(api, 'l', () => ({}) as never, given), { share: false }, 'share: use shared'],
    stateStoreSuite: [(given) => stateStoreSuite(api, 's', () => stores, given), { seed: [1] }, 'seed: use seeds'],
  }

  it.each(Object.entries(takers))('%s', async (name, [take, misspelt, problem]) => {
    const problems = [`there is no option ${problem}`]
    await expect((async () => take(misspelt as never))()).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `OPTION_INVALID: ${name} cannot use these options: ${problems[0]}`,
      problems,
    })
  })
})
