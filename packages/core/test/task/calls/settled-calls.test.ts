import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { type Call, json, memoryLog, notSent, run, stream, text, topic } from '../../../src/index.js'

const asked = topic('asked', { key: text(), value: json<number>() })

describe('a call whose function has settled', () => {
  let server: Server
  let url: string
  let requests: number
  const late: Promise<unknown>[] = []

  beforeEach(async () => {
    requests = 0
    server = createServer((_, response) => {
      requests++
      setTimeout(() => response.end(), 50)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const calling = async (call: (call: Call<string | null>) => Promise<void>) => {
    const pipeline = stream(asked).callOnce((_, now) => call(now), { inDoubt: { deadLetter: 'in-doubt' } })
    const log = memoryLog()
    const app = await run(pipeline, { application: 'b', log })
    await produce(log, asked, { key: 'a', value: 1 })
    return app
  }

  it('is in doubt if it says that nothing was sent, and its own request has left', async () => {
    await using app = await calling(async ({ fetch }) => {
      late.push(fetch(url, { method: 'POST' }).catch((error: unknown) => error))
      await expect.poll(() => requests).toBe(1)
      throw notSent('it was not me')
    })
    await expect.poll(() => app.metrics().pipelines.asked?.inDoubt).toBe(1)
    await app.close()
    expect(requests).toBe(1)
  })

  it('makes no request any more: it may be made again, by another claim', async () => {
    const attempts: Call<string | null>[] = []
    await using app = await calling(async (call) => {
      attempts.push(call)
      if (attempts.length > 1) return void (await call.fetch(url, { method: 'POST' }))
      throw notSent('it took too long to get a token')
    })
    await expect.poll(() => attempts.length).toBe(1)
    await expect.poll(() => attempts[0]?.signal.aborted).toBe(true)
    await expect(attempts[0]?.fetch(url, { method: 'POST' })).rejects.toThrow('not sent')
    await expect.poll(() => app.metrics().pipelines.asked?.emitted, { timeout: 5_000 }).toBe(1)
    expect(requests).toBe(1)
  })
})
