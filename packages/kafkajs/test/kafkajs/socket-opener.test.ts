import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { ISocketFactoryArgs, KafkaConfig } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaLog } from '../../src/kafka-log.js'
import { kafkaLogOptions } from '../../src/kafka-log-options.js'
import { connectionError } from '../../src/kafkajs/connection-errors.js'
import { SocketOpener } from '../../src/kafkajs/socket-opener.js'

const ADDRESS = { host: 'broker-1', port: 9092 }
/** A fatal alert: the record could not be read. */
const ALERT = Buffer.from('15030300020250', 'hex')
const SASL = { mechanism: 'plain', username: 'me', password: 'secret' } as const

/** A socket whose peer is a function. */
class PeerSocket extends Duplex {
  readonly #peer: (chunk: Buffer) => Buffer | null | undefined
  constructor(peer: (chunk: Buffer) => Buffer | null | undefined) {
    super()
    this.#peer = peer
  }
  setTimeout(): void {}
  setKeepAlive(): void {}
  unref(): void {}
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const response = this.#peer(chunk)
    done()
    setImmediate(() => {
      if (response !== undefined) this.push(response)
      if (response === ALERT) this.push(null)
    })
  }
}

/** A listener: how it behaves towards clients with and without TLS. */
interface Listener {
  readonly plain?: (chunk: Buffer) => Buffer | null | undefined
  /** The error of the handshake. */
  readonly tls?: { readonly code: string; readonly message: string }
  readonly neverConnects?: boolean
}

function opener({ plain = () => undefined, tls, neverConnects = false }: Listener, config: Partial<KafkaConfig> = {}) {
  const sockets: PeerSocket[] = []
  const socketFactory = ({ ssl, onConnect }: ISocketFactoryArgs) => {
    const socket = new PeerSocket(plain)
    sockets.push(socket)
    setImmediate(() => {
      if (ssl && tls !== undefined) socket.destroy(Object.assign(new Error(tls.message), { code: tls.code }))
      else if (!neverConnects) onConnect()
    })
    return socket as unknown as Socket
  }
  const { kafkaConfig } = kafkaLogOptions({ brokers: ['unused:1'], socketFactory })
  return { sockets, opener: new SocketOpener({ ...kafkaConfig, ...config }) }
}

const isHandshake = (request: Buffer) => request.readInt16BE(4) === 17

/** A response to a request. */
function responseTo(request: Buffer, body: string): Buffer {
  const response = Buffer.concat([Buffer.alloc(4), request.subarray(8, 12), Buffer.from(body, 'hex')])
  response.writeInt32BE(response.length - 4, 0)
  return response
}

/** Responds to SaslHandshake 1 (key 17) with a mechanism, and to SaslAuthenticate 1 as the test says. */
const accepts =
  (mechanism: string, authenticated: (request: Buffer) => Buffer | null | undefined) =>
  (request: Buffer): Buffer | null | undefined => {
    if (!isHandshake(request)) return authenticated(request)
    const length = mechanism.length.toString(16).padStart(4, '0')
    return responseTo(request, `000000000001${length}${Buffer.from(mechanism).toString('hex')}`)
  }

/** Accepts the mechanism PLAIN, and opens a session of a minute. */
const acceptsPlain = accepts('PLAIN', (request) => responseTo(request, '0000ffff00000000000000000000ea60'))

/** A response to SaslAuthenticate 1 with an error code, without a message. */
const refusal = (code: number) => (request: Buffer) =>
  responseTo(request, `${code.toString(16).padStart(4, '0')}ffff000000000000000000000000`)

/** A response to ApiVersions 0 of correlation id 1: no error, no APIs. */
const API_VERSIONS = Buffer.from('0000000a00000001000000000000', 'hex')
const CLOSED = { code: 'ECONNRESET', message: 'Client network socket disconnected before secure TLS connection' }

describe('kafkajs as Joinery relies on it', () => {
  it('is 2.2.4, which is checked before anything connects', async () => {
    await using log = kafkaLog({ brokers: ['localhost:1'] })
    expect(log.source).toBeDefined()
  })

  it('opens a socket, and leaves it alone then', async () => {
    const { opener: some, sockets } = opener({}, { clientId: 'me' })
    const { socket, ...given } = await some.open(ADDRESS)
    expect(given).toEqual({
      address: 'broker-1:9092',
      clientId: 'me',
      sessionLifetimeMs: Number.POSITIVE_INFINITY,
      usesSasl: false,
    })
    expect(socket).toBe(sockets[0])
    for (const event of ['data', 'end', 'error', 'timeout']) expect(socket.listenerCount(event)).toBe(0)
  })

  it('opens a SASL session, if the options say so', async () => {
    const { opener: some } = opener({ plain: acceptsPlain }, { sasl: SASL })
    expect(await some.open(ADDRESS)).toMatchObject({ usesSasl: true, sessionLifetimeMs: 60_000 })
  })

  it('writes IPv6 addresses with brackets', async () => {
    const { opener: some } = opener({})
    expect((await some.open({ host: '::1', port: 9092 })).address).toBe('[::1]:9092')
  })

  it('ends all attempts when it is closed', async () => {
    const { opener: some, sockets } = opener({ neverConnects: true })
    const both = [some.open(ADDRESS), some.open(ADDRESS)].map((opening) => expect(opening).rejects.toThrow('closed'))
    await new Promise((resolve) => setImmediate(resolve))
    some.close()
    await Promise.all(both)
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true])
  })

  it('opens no socket after it was closed', async () => {
    const { opener: some, sockets } = opener({})
    some.close()
    await expect(some.open(ADDRESS)).rejects.toThrow('closed')
    expect(sockets.every(({ destroyed }) => destroyed)).toBe(true)
  })
})

describe('an authentication', () => {
  const TIMED_OUT = { connectionTimeout: 1_000, requestTimeout: 20 }
  /** The error of a connection attempt, as the log reports it. */
  const failure = async (listener: Listener, config: Partial<KafkaConfig> = {}) => {
    const { opener: some, sockets } = opener(listener, { sasl: SASL, ...TIMED_OUT, ...config })
    const error = await some.open(ADDRESS).catch((cause: unknown) => connectionError('cannot connect', cause))
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true])
    return error
  }

  it.each([
    ['closes the connection', () => null, 'Closed connection'],
    ['does not respond', () => undefined, 'timed out'],
    ['responds with another error', refusal(7), 'timed out'],
  ])('is retried if the broker %s: it may be restarting', async (_, answer, why) => {
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      const sasl = { ...SASL, mechanism } as typeof SASL
      expect(await failure({ plain: accepts(mechanism.toUpperCase(), answer) }, { sasl })).toMatchObject({
        code: 'LOG_FAILED',
        retriable: true,
        message: expect.stringContaining(why),
      })
    }
  })

  it.each([
    ['closes the connection', () => null],
    ['does not respond', () => undefined],
  ])('is retried if the broker %s before it names its mechanisms', async (_, plain) => {
    expect(await failure({ plain })).toMatchObject({ code: 'LOG_FAILED', retriable: true })
  })

  it('is final if the broker rejects the credentials', async () => {
    expect(await failure({ plain: accepts('PLAIN', refusal(58)) })).toMatchObject({
      code: 'NOT_AUTHORIZED',
      retriable: false,
      message: expect.stringMatching(/the broker rejected the credentials \(.+\)/),
    })
  })

  it('is final if the broker does not accept the mechanism', async () => {
    expect(await failure({ plain: accepts('GSSAPI', () => null) })).toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringContaining('set sasl.mechanism'),
    })
  })

  it('is retried if the function for OAuth tokens fails, or returns none', async () => {
    const plain = accepts('OAUTHBEARER', () => null)
    for (const oauthBearerProvider of [
      () => Promise.reject(new Error('503 from the issuer')),
      async () => ({}) as { value: string },
      async () => undefined as never,
      async () => ({ value: 'a token' }),
    ]) {
      const sasl = { mechanism: 'oauthbearer', oauthBearerProvider } as const
      expect(await failure({ plain }, { sasl })).toMatchObject({ code: 'LOG_FAILED', retriable: true })
    }
  })
})

describe('a listener that does not use TLS', () => {
  const ssl = true

  it('is an error of the options', async () => {
    const { opener: some, sockets } = opener({ tls: CLOSED, plain: () => API_VERSIONS }, { ssl })
    await expect(some.open(ADDRESS)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringMatching(/broker-1:9092 does not use TLS .* remove ssl/),
    })
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true])
  })

  it.each([
    ['closes the connection', () => null],
    ['sends a TLS alert', () => ALERT],
    ['sends something else', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
  ])('is not assumed if the port %s', async (_, plain) => {
    const { opener: some, sockets } = opener({ tls: CLOSED, plain }, { ssl })
    await expect(some.open(ADDRESS)).rejects.toThrow(CLOSED.message)
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true])
  })

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ECONNREFUSED'])(
    'is not looked for after %s',
    async (code) => {
      const { opener: some, sockets } = opener({ tls: { code, message: 'a reason' } }, { ssl })
      await expect(some.open(ADDRESS)).rejects.toThrow('a reason')
      expect(sockets).toHaveLength(1)
    },
  )

  it('is not waited for when the client is closed', async () => {
    const { opener: some, sockets } = opener({ tls: CLOSED }, { ssl })
    const opening = expect(some.open(ADDRESS)).rejects.toThrow(CLOSED.message)
    while (sockets.length < 2) await new Promise((resolve) => setImmediate(resolve))
    some.close()
    await opening
  })
})

describe('a listener that uses TLS', () => {
  it('is an error of the options for a client with SASL, too', async () => {
    const { opener: some, sockets } = opener({ plain: () => ALERT }, { sasl: SASL })
    await expect(some.open(ADDRESS)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringMatching(/broker-1:9092 uses TLS .* set ssl/),
    })
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true])
  })
})
