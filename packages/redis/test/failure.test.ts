import type { Redis, RedisOptions } from 'ioredis'
import { describe, expect, it } from 'vitest'
import type { Connection } from '../src/connection.js'
import { type FailedRequest, storeFailed } from '../src/failure.js'
import { TimeoutError } from '../src/with-timeout.js'

interface State {
  readonly status?: string
  readonly isCluster?: boolean
  readonly options?: Partial<RedisOptions>
  readonly isOwn?: boolean
  readonly problem?: unknown
  readonly hasBeenReady?: boolean
  readonly blocking?: string
}

function connection(state: State = {}): Connection {
  const { status = 'ready', isCluster = false, options = {}, blocking } = state
  const commandQueue = { peekFront: () => blocking && { command: { name: blocking, args: [] } } }
  return {
    client: { status, isCluster, options, commandQueue } as unknown as Redis,
    timeoutMs: 300,
    isOwn: state.isOwn ?? true,
    problem: () => state.problem,
    hasBeenReady: () => state.hasBeenReady ?? false,
  }
}

const replyError = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })
const coded = (code: string, message = ''): Error => Object.assign(new Error(message), { code })
const timeout = new TimeoutError('no reply within 300 ms')
const failure = (error: unknown, state?: State, request?: FailedRequest) =>
  storeFailed('be read', error, connection(state), { name: 'rows', partition: 3 }, request)

describe('the error of a store', () => {
  it('names the store, the operation and the reason', () => {
    const error = failure(coded('ECONNREFUSED', 'connect ECONNREFUSED'))
    expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: true, topic: 'rows', partition: 3 })
    expect(error.message).toBe('STORE_FAILED: store rows[3] could not be read in Redis: connect ECONNREFUSED')
    expect((error.cause as Error).message).toBe('connect ECONNREFUSED')
  })

  it('has the last error of the connection, unless that is the error itself', () => {
    const problem = coded('ECONNRESET', 'read ECONNRESET')
    expect(failure(new Error('Too many retries'), { problem }).message).toContain('Too many retries; read ECONNRESET')
    expect(failure(problem, { problem }).message).not.toContain(';')
  })

  it('is final for a reply of that kind: of the command, of the connection, or of the last node of a cluster', () => {
    const wrong = replyError('WRONGPASS invalid')
    for (const error of [
      failure(wrong),
      failure(timeout, { problem: wrong, status: 'connecting' }),
      failure(Object.assign(new Error('all failed'), { lastNodeError: wrong }), { isCluster: true }),
    ]) {
      expect(error.retriable).toBe(false)
      expect(error.message).toContain('correct the user and the password')
    }
    expect(failure(new Error('WRONGPASS in another error')).retriable).toBe(true)
  })

  it('is final for a client that has ended or is in another mode', () => {
    expect(failure(new Error('Connection is closed.'), { status: 'end' })).toMatchObject({
      retriable: false,
      message: expect.stringContaining('keep it open until the application has closed'),
    })
    expect(failure(new Error('Connection in subscriber mode, only subscriber commands may be used'))).toMatchObject({
      retriable: false,
      message: expect.stringContaining('pass a client that does not subscribe'),
    })
  })

  it('names the command of a script only if the reply is final', () => {
    const lua = "\nredis.call('HSET', KEYS[1], 'a', 'b')\n"
    const at = 'script: 1, on @user_script:2.'
    expect(failure(replyError(`ERR Unknown Redis command called from script ${at}`), {}, { lua }).message).toContain(
      '; the command is hset; ',
    )
    expect(failure(replyError(`OOM no memory ${at}`), {}, { lua }).message).not.toContain('hset')
    expect(failure(replyError(`ERR Unknown Redis command called from script ${at}`)).message).not.toContain('hset')
  })

  it('never has arguments or passwords', () => {
    const secret = { options: { password: 'p4ss', sentinelPassword: 's3ntinel' } }
    const reply = "ERR unknown command 'X', with args beginning with: 'row' "
    const { message } = failure(replyError(reply), { ...secret, problem: new Error('p4ss of s3ntinel') })
    expect(message).toContain("ERR unknown command 'X'")
    expect(message).toContain('*** of ***')
    expect(message).not.toMatch(/row'|p4ss|s3ntinel/)
  })
})

describe('a replica', () => {
  const reply = replyError("READONLY You can't write against a read only replica.")

  it('is retried by the client for a URL', () => {
    expect(failure(reply)).toMatchObject({
      retriable: true,
      message: expect.stringContaining(
        'the server is a replica: the url has to lead to the server that accepts writes; the client connects again',
      ),
    })
  })

  it('is named with the setting of a client that was passed in', () => {
    const stays =
      "and this client stays connected to it: set reconnectOnError: (error) => error.message.includes('READONLY')"
    const messageWith = (options: object) => failure(reply, { isOwn: false, options }).message
    for (const options of [{}, { reconnectOnError: null }, { reconnectOnError: () => false }])
      expect(messageWith(options)).toContain(stays)
    expect(messageWith({ reconnectOnError: (error: Error) => error === reply })).toContain(
      'the server is a replica: the client connects again, as its reconnectOnError says',
    )
    expect(failure(replyError('OOM no memory'), { isOwn: false }).message).not.toContain('reconnectOnError')
  })
})

describe('the cause of an error', () => {
  it('has the name of the error of the client, and the first of several errors', () => {
    const several = Object.assign(new Error('all failed'), { name: 'AggregateError', errors: [coded('ECONNREFUSED')] })
    const { cause, message } = failure(several)
    expect((cause as Error).name).toBe('AggregateError')
    expect(message).toContain('all failed: ECONNREFUSED')
  })
})

describe('a timeout', () => {
  it('is reported with the size of the request and the setting', () => {
    const { message, retriable } = failure(timeout, {}, { size: 'a read of 32 rows, about 22.4 MB' })
    expect(message).toContain(
      'no reply within 300 ms; a read of 32 rows, about 22.4 MB: the next attempt is smaller; if even the smallest takes longer, raise the option timeout (300 ms)',
    )
    expect(retriable).toBe(true)
  })

  it('has no size without a connection, and other errors have none', () => {
    const request = { size: 'a read of 1 row' }
    expect(failure(timeout, { status: 'connecting' }, request).message).not.toContain('a read')
    expect(failure(coded('ECONNRESET'), {}, request).message).not.toContain('a read')
    expect(failure(timeout).message).not.toContain('attempt')
  })

  it('behind a blocking command is the fault of the client, which is refused', () => {
    expect(failure(timeout, { blocking: 'brpop' })).toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      topic: 'rows',
      partition: 3,
      message: expect.stringContaining('no command had a reply within 300 ms, because the client waits for BRPOP'),
    })
    expect(failure(coded('ECONNRESET'), { blocking: 'brpop' }).code).toBe('STORE_FAILED')
  })
})

describe('a connection that was never ready', () => {
  const [noTls, tls] = ['is this a port without TLS', 'is this a port with TLS']

  it.each(['ETIMEDOUT', 'ECONNRESET', 'EPROTO'])('with TLS and %s may lead to a port without TLS', (code) => {
    const state = { status: 'connecting', options: { tls: {} }, problem: coded(code) }
    expect(failure(timeout, state).message).toContain(noTls)
    expect(failure(coded(code), { ...state, problem: undefined }).message).toContain(noTls)
    expect(failure(timeout, { ...state, problem: undefined }).message).toContain(noTls)
  })

  it.each(['ECONNRESET', 'EPIPE'])('without TLS and with %s may lead to a port with TLS', (code) => {
    expect(failure(timeout, { status: 'reconnecting', problem: coded(code) }).message).toContain(tls)
  })

  it('is not blamed for TLS otherwise', () => {
    const reset = coded('ECONNRESET')
    for (const [error, state] of [
      [timeout, { status: 'connecting', problem: coded('ECONNREFUSED') }],
      [timeout, { status: 'connecting', options: { tls: {} }, problem: coded('ECONNREFUSED') }],
      [timeout, { status: 'connecting', problem: reset, hasBeenReady: true }],
      [timeout, { status: 'connecting', options: { tls: {} }, problem: reset, hasBeenReady: true }],
      [timeout, { status: 'connecting' }],
      [reset, { status: 'ready' }],
      [reset, { status: 'end' }],
      [reset, { status: 'connecting', isOwn: false }],
    ] as const)
      expect(failure(error, state).message).not.toContain('TLS')
  })

  it('of a client that was passed in is reported with its status', () => {
    expect(failure(timeout, { status: 'reconnecting', isOwn: false }).message).toContain(
      "the client is reconnecting: its 'error' events have the reason",
    )
    for (const state of [{ status: 'reconnecting' }, { status: 'ready', isOwn: false }])
      expect(failure(timeout, state).message).not.toContain("its 'error' events")
  })
})
