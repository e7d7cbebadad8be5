import { memoryLog, type NewMessage, send } from '@joinery/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type RestService, startRestService } from '../src/rest-service.js'
import { runServiceB } from '../src/service-b.js'
import { type Notification, notifications } from '../src/topics.js'

const notification = (productId: string, number: number): NewMessage<string, Notification> => ({
  key: productId,
  value: { activationId: `${productId}/${number}`, productId, externalId: 'x' },
  headers: [['joinery-origin', Buffer.from(`a/activation/0/${number}`)]],
})

describe('service B', () => {
  const stop = new AbortController()
  let rest: RestService | undefined
  afterEach(() => rest?.[Symbol.asyncDispose]())

  it('calls for each notification, in order for each product, with an id that says which activation it is about', async () => {
    rest = await startRestService()
    const log = memoryLog()
    const sent = Array.from({ length: 40 }, (_, i) => notification(`p${i % 3}`, i))
    await send(log, notifications, ...sent)
    const running = runServiceB({ log, notifications, url: rest.url, signal: stop.signal })
    await vi.waitFor(() => expect(rest?.calls).toHaveLength(40))
    stop.abort()
    await running
    for (const product of ['p0', 'p1', 'p2']) {
      const of = (activationId = '') => activationId.startsWith(`${product}/`)
      expect(rest.calls.map(({ activationId }) => activationId).filter(of)).toEqual(
        sent.map(({ value }) => value?.activationId ?? '').filter(of),
      )
    }
    expect(rest.calls).toContainEqual({ callId: 'a/activation/0/7', activationId: 'p1/7', externalId: 'x' })
  })

  it('stops with the error of a call that failed', async () => {
    rest = await startRestService()
    const log = memoryLog()
    await send(log, notifications, notification('p1', 1))
    const url = `${rest.url}/elsewhere`
    await expect(runServiceB({ log, notifications, url, signal: new AbortController().signal })).rejects.toThrow(
      'call a/activation/0/1 was answered with status 400',
    )
  })
})
