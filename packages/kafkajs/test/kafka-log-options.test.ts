import { describe, expect, it } from 'vitest'
import { type KafkaLogConfig, kafkaLog } from '../src/index.js'
import { kafkaLogOptions } from '../src/kafka-log-options.js'

const brokers = ['localhost:1']

describe('the options of a Kafka log', () => {
  it.each([
    [
      'a heartbeat longer than a third of the session',
      { sessionTimeout: '6s', heartbeatInterval: 2_001 },
      /2001.*"6s"/,
    ],
    ['a session of no length', { sessionTimeout: 0, heartbeatInterval: 0.5 }, /sessionTimeout is 0: use at least 1/],
    ['a duration without its unit', { sessionTimeout: '6000' as '6s' }, /sessionTimeout is "6000": use a number of/],
    ['a broken number', { maxDecompressedBytes: Number.NaN }, /maxDecompressedBytes is NaN/],
    ['a size of the wrong kind', { maxDecompressedBytes: '64s' as '64MiB' }, /maxDecompressedBytes is "64s"/],
    ['a request timeout of no length', { requestTimeout: '0ms' }, /requestTimeout is "0ms": use at least 1/],
    ['no replicas', { changelog: { replicationFactor: 0 } }, /changelog\.replicationFactor is 0: use a whole number/],
    ['half a replica', { changelog: { replicationFactor: 1.5 } }, /changelog\.replicationFactor is 1\.5/],
    [
      'a misspelt option of changelogs',
      { changelog: { replicas: 1 } as object },
      /no option replicas: use replicationF/,
    ],
    ['an unknown codec', { compression: 'snappy' as 'gzip' }, /compression is snappy/],
    ['an option that does not exist', { heartbeatMs: 500 } as object, /no option heartbeatMs: use brokers, ssl,/],
    ['a misspelt option', { sessionTimout: '6s' } as object, /^there is no option sessionTimout: use sessionTimeout$/],
    ['brokers that are a text', { brokers: 'localhost:9092' as never }, /brokers is "localhost:9092": use an array/],
    ['no brokers', { brokers: [] }, /brokers is empty/],
    ['a broker without a port', { brokers: ['localhost'] }, /brokers contains "localhost"/],
    ['a broker with a scheme', { brokers: ['a:1', 'kafka://b:1'] }, /brokers contains "kafka:\/\/b:1"/],
    ['a port that does not exist', { brokers: ['a:65536'] }, /brokers contains "a:65536"/],
    ['a broker that is no text', { brokers: [9092 as never] }, /brokers contains 9092/],
    ['missing brokers', { brokers: undefined as never }, /brokers is missing/],
  ] satisfies [string, Partial<KafkaLogConfig>, RegExp][])('are rejected at once: %s', (_, options, problem) => {
    const given = { brokers, ...options } as KafkaLogConfig
    expect(() => kafkaLog(given)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        problems: expect.arrayContaining([expect.stringMatching(problem)]),
      }),
    )
  })

  it.each([{}, undefined])('are rejected at once: %j', (given) => {
    expect(() => kafkaLog(given as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', problems: [expect.stringContaining('brokers is missing')] }),
    )
  })

  it('are rejected with every broker that is wrong, next to those that are not', () => {
    const given = ['a:9092', 'b', '[::1]:9092', 'kafka://c:9092', 'd:0']
    expect(() => kafkaLog({ brokers: given })).toThrow(
      expect.objectContaining({
        problems: ['b', 'kafka://c:9092', 'd:0'].map((broker) =>
          expect.stringContaining(`brokers contains "${broker}"`),
        ),
      }),
    )
  })

  it('are rejected with all problems, without the codes of the individual ones', () => {
    expect(() => kafkaLog({ brokers: [], sessionTimeout: 'soon' as '1s', unknown: 1 } as KafkaLogConfig)).toThrow(
      /^OPTION_INVALID: kafkaLog cannot use these options: there is no option unknown: .*; brokers is empty: .*; sessionTimeout is "soon"/,
    )
  })

  it('are durations and sizes with units, or numbers of milliseconds and bytes', () => {
    const literals = kafkaLogOptions({
      brokers,
      requestTimeout: '1.5s',
      sessionTimeout: '6s',
      heartbeatInterval: '2s',
      maxDecompressedBytes: '1KiB',
    })
    expect(literals).toMatchObject({
      kafkaConfig: { requestTimeout: 1_500 },
      requestTimeoutMs: 1_500,
      sessionTimeoutMs: 6_000,
      heartbeatIntervalMs: 2_000,
      maxDecompressedBytes: 1_024,
    })
    const numbers = { requestTimeout: 1_500, sessionTimeout: 6_000, heartbeatInterval: 2_000 }
    expect(kafkaLogOptions({ brokers, ...numbers, maxDecompressedBytes: 1_024 })).toEqual({
      ...literals,
      bootstrap: expect.any(Function),
    })
  })

  it('have the defaults that the documentation states', () => {
    expect(kafkaLogOptions({ brokers })).toMatchObject({
      kafkaConfig: { requestTimeout: 10_000, clientId: 'joinery' },
      requestTimeoutMs: 10_000,
      connectRetry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10 },
      rack: '',
      changelog: { replicationFactor: undefined, config: {} },
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 500,
      compression: 'none',
      maxDecompressedBytes: 67_108_864,
    })
  })

  it('pass those of kafkajs on', async () => {
    const options = { brokers, clientId: 'me', ssl: true, connectionTimeout: 7, retry: { retries: 3 } }
    const { kafkaConfig, connectRetry } = kafkaLogOptions(options)
    expect(kafkaConfig).toMatchObject({ clientId: 'me', ssl: true, connectionTimeout: 7 })
    expect(connectRetry).toEqual({ initialRetryTime: 100, maxRetryTime: 5_000, retries: 3 })
    await using log = kafkaLog({ brokers })
    expect(log.tasks.guarantees).toEqual(['exactly-once', 'at-least-once'])
  })

  it('keep their own settings from kafkajs', () => {
    const { kafkaConfig } = kafkaLogOptions({ brokers, rack: 'a', onRetry: () => {}, changelog: {} })
    for (const name of ['rack', 'onRetry', 'onNotice', 'changelog', 'sessionTimeout'])
      expect(kafkaConfig).not.toHaveProperty(name)
  })
})

describe('the brokers through which a client finds all others', () => {
  it('are those of the option', async () => {
    const { bootstrap } = kafkaLogOptions({ brokers: ['a:1', '[::1]:2'] })
    expect(await bootstrap()).toEqual([
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ])
  })

  it('are found by a function, each time', async () => {
    let calls = 0
    const { bootstrap } = kafkaLogOptions({ brokers: async () => [`a:${++calls}`] })
    expect([await bootstrap(), await bootstrap()]).toEqual([[{ host: 'a', port: 1 }], [{ host: 'a', port: 2 }]])
  })

  it('must be addresses: all mistakes of the function are one error', async () => {
    const { bootstrap } = kafkaLogOptions({ brokers: async () => ['a', 'b:1', 'c'] })
    await expect(bootstrap()).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      problems: [expect.stringContaining('"a"'), expect.stringContaining('"c"')],
    })
  })

  it.each([
    ['rejects', async () => Promise.reject(new Error('no DNS'))],
    [
      'throws',
      () => {
        throw new Error('no DNS')
      },
    ],
  ])('are looked for again if the function %s', async (_, find) => {
    const { bootstrap } = kafkaLogOptions({ brokers: find as () => Promise<string[]> })
    await expect(bootstrap()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: 'LOG_FAILED: the function brokers failed: no DNS',
    })
  })
})
