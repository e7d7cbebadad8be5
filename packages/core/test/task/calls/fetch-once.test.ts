import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isNotSent } from '../../../src/call/not-sent.js'
import { fetchOnce } from '../../../src/task/calls/fetch-once.js'
import { ManualClock } from '../../../src/testing.js'

const servers: (Server | TcpServer)[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const listening = (server: Server | TcpServer): Promise<string> =>
  new Promise((resolve) => {
    servers.push(server)
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  })
const http = (listener: RequestListener) => listening(createServer(listener))
/** A server that does as told with each connection; `received` resolves with the first bytes of a request. */
const tcp = (each: (socket: Socket) => void) =>
  listening(
    createTcpServer((socket) => {
      socket.on('error', () => {}) // the other side is meant to go
      each(socket)
    }),
  )

function once(
  options: { clock?: ManualClock; signal?: AbortSignal; closing?: AbortSignal; sending?: () => void } = {},
) {
  const never = new AbortController().signal
  const clock = options.clock ?? new ManualClock(0)
  const { signal = never, closing = never, sending = () => {} } = options
  const times = { connectMs: 50, headersMs: 100, bodyMs: 200 }
  return fetchOnce({ idempotencyKey: 'key-1', signal, closing, clock, sending, ...times })
}
const failure = async (attempt: Promise<unknown>): Promise<Error> =>
  attempt.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: Error) => error,
  )

describe('call.fetch', () => {
  it('sends method, path, headers, body and the idempotency key, and answers with the whole response', async () => {
    const url = await http((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        const { method, url: path, headers } = request
        const { 'idempotency-key': key, 'content-type': type, 'content-length': length, 'x-own': own } = headers
        response.writeHead(201, { 'x-seen': 'yes' })
        response.end(JSON.stringify({ method, path, key, type, length, own, body }))
      })
    })
    const response = await once()(`${url}/a/b?c=d`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-own': '1' },
      body: '{"é":1}',
    })
    expect(response.status).toBe(201)
    expect(response.headers.get('x-seen')).toBe('yes')
    expect(await response.json()).toEqual({
      method: 'POST',
      path: '/a/b?c=d',
      key: 'key-1',
      type: 'application/json',
      length: '8',
      own: '1',
      body: '{"é":1}',
    })
  })

  it.each([200, 204, 307, 404, 429, 500, 503])('a response with status %i is a response', async (status) => {
    let requests = 0
    const url = await http((_, response) => {
      requests++
      response.writeHead(status, { location: '/elsewhere' })
      response.end()
    })
    expect((await once()(url, { method: 'POST' })).status).toBe(status)
    expect(requests).toBe(1)
  })

  it('says who it is, and what it accepts: no compression, and no second request on the connection', async () => {
    const url = await http((request, response) => response.end(JSON.stringify(request.headers)))
    const headers = {
      host: new URL(url).host,
      'user-agent': 'joinery',
      'accept-encoding': 'identity',
      connection: 'close',
    }
    expect(await (await once()(url)).json()).toMatchObject(headers)
    expect(await (await once()(url)).json()).not.toHaveProperty('content-length')
    const own = { 'user-agent': 'mine', accept: 'application/json' }
    expect(await (await once()(url, { headers: own })).json()).toMatchObject({ ...headers, ...own })
  })

  it('passes on the status text, and headers that occur repeatedly', async () => {
    const url = await http((_, response) => {
      response.writeHead(200, 'Fine', [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ] as never)
      response.end()
    })
    const response = await once()(url)
    expect([response.statusText, response.headers.getSetCookie()]).toEqual(['Fine', ['a=1', 'b=2']])
  })

  it('fails at a redirect if the caller wants that; something was sent', async () => {
    let status = 302
    const url = await http((_, response) => {
      response.writeHead(status, { location: '/elsewhere' })
      response.end()
    })
    const error = await failure(once()(url, { redirect: 'error' }))
    expect([error.message, isNotSent(error)]).toEqual([`${new URL(url).host} responded with a redirect, 302`, false])
    for (status of [200, 304, 400]) expect((await once()(url, { redirect: 'error' })).status).toBe(status)
  })

  it('reports just before it sends something, and leaves no timer behind', async () => {
    const clock = new ManualClock(0)
    const happened: string[] = []
    const url = await http((_, response) => {
      happened.push('received')
      response.end()
    })
    await once({ clock, sending: () => happened.push('sending') })(url)
    expect([happened, clock.nextTimer]).toEqual([['sending', 'received'], undefined])
    await new Promise((resolve) => servers.pop()?.close(resolve))
    await failure(once({ clock, sending: () => happened.push('sending') })(url))
    expect([happened.length, clock.nextTimer]).toEqual([2, undefined])
  })

  it('keeps an idempotency key that the caller sets in another form', async () => {
    const url = await http((request, response) => response.end(request.headers['idempotency-key']))
    expect(await (await once()(url, { headers: { 'Idempotency-Key': '"key-1"' } })).text()).toBe('"key-1"')
  })

  it('is refused a second time, whatever became of the first', async () => {
    const url = await http((_, response) => response.end())
    const fetch = once()
    await fetch(url)
    expect(await failure(fetch(url))).toMatchObject({ code: 'CALL_REPEATED' })
  })

  it.each([
    ['follow redirects', 'http://127.0.0.1:1', { redirect: 'follow' as const }],
    ['speak other protocols', 'ftp://127.0.0.1/', {}],
    ['read what is no URL', 'nowhere', {}],
  ])('does not %s, and does not say that this could be tried again', async (_, url, init) => {
    const error = await failure(once()(url, init))
    expect(error).toBeInstanceOf(TypeError)
    expect(isNotSent(error)).toBe(false)
  })
})

describe('nothing was sent, provably, when', () => {
  it('nobody listens', async () => {
    const url = await http(() => {})
    await new Promise((resolve) => servers.pop()?.close(resolve))
    expect(isNotSent(await failure(once()(url)))).toBe(true)
  })

  it('the name does not resolve', async () => {
    expect(isNotSent(await failure(once()('http://no-such-host.invalid/')))).toBe(true)
  })

  it('TLS fails', async () => {
    const plain = await tcp((socket) => socket.end('this is not TLS'))
    expect(isNotSent(await failure(once()(plain.replace('http:', 'https:'))))).toBe(true)
  })

  it('the connection takes too long', async () => {
    const clock = new ManualClock(0)
    const silent = await tcp(() => {}) // accepts, and never answers the TLS greeting
    const attempt = failure(once({ clock })(silent.replace('http:', 'https:')))
    await clock.advance(49)
    expect(clock.nextTimer).toBe(50)
    await clock.advance(1)
    const error = await attempt
    expect(isNotSent(error)).toBe(true)
    expect(error.message).toContain(`${new URL(silent).host} did not accept a connection within 50 ms`)
  })

  it.each(['signal', 'closing'] as const)('%s aborts before the connection stands', async (which) => {
    const abort = new AbortController()
    const silent = await tcp(() => {})
    const attempt = failure(once({ [which]: abort.signal })(silent.replace('http:', 'https:')))
    abort.abort(new Error('enough'))
    expect(isNotSent(await attempt)).toBe(true)
  })

  it('its time was over already', async () => {
    let connections = 0
    const url = await tcp(() => connections++)
    expect(isNotSent(await failure(once({ signal: AbortSignal.abort() })(url)))).toBe(true)
    expect(connections).toBe(0)
  })
})

describe('something may have been sent when', () => {
  it('the connection is reset before a response', async () => {
    const url = await tcp((socket) => socket.once('data', () => socket.resetAndDestroy()))
    expect(isNotSent(await failure(once()(url, { method: 'POST', body: 'x' })))).toBe(false)
  })

  it('the connection ends without a response', async () => {
    const url = await tcp((socket) => socket.once('data', () => socket.end()))
    expect(isNotSent(await failure(once()(url)))).toBe(false)
  })

  it('the response is cut off', async () => {
    const url = await tcp((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')),
    )
    expect(isNotSent(await failure(once()(url)))).toBe(false)
  })

  it('the response is no HTTP', async () => {
    const url = await tcp((socket) => socket.once('data', () => socket.end('220 mail.example\r\n')))
    expect(isNotSent(await failure(once()(url)))).toBe(false)
  })

  it.each([
    ['headers', '', 100, 'a response'],
    ['the rest of the body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', 200, 'the rest of its response'],
  ])('%s do not come in time', async (_, first, ms, what) => {
    const clock = new ManualClock(0)
    let asked: () => void = () => {}
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const url = await tcp((socket) =>
      socket.once('data', () => {
        if (first === '') asked()
        else socket.write(first, asked)
      }),
    )
    const attempt = once({ clock })(url)
    const failed = failure(attempt)
    await wasAsked
    while (first !== '' && clock.nextTimer !== 200) await clock.yieldToEventLoop() // until the response's headers are read
    await clock.advance(ms)
    const error = await failed
    expect(isNotSent(error)).toBe(false)
    expect(error.message).toBe(`${new URL(url).host} did not send ${what} within ${ms} ms`)
  })

  it('its time is over while it waits for the response', async () => {
    const abort = new AbortController()
    const url = await tcp((socket) => socket.once('data', () => abort.abort(new Error('over'))))
    const error = await failure(once({ signal: abort.signal })(url))
    expect(error.message).toBe('over')
    expect(isNotSent(error)).toBe(false)
  })

  it('the application closes after it was sent: it goes on', async () => {
    const closing = new AbortController()
    const url = await http((_, response) => {
      closing.abort()
      response.end('done')
    })
    expect(await (await once({ closing: closing.signal })(url)).text()).toBe('done')
  })
})
